import type { HttpResponse } from './http-host.ts'

/** Every `code` of a problem document, with its HTTP status; docs/http-api.md explains each one. */
export const HTTP_PROBLEMS = {
  bad_request: 400,
  empty_body: 400,
  invalid_idempotency_key: 400,
  invalid_utf8: 400,
  invalid_wait: 400,
  malformed_json: 400,
  credentials_invalid: 401,
  credentials_missing: 401,
  signature_expired: 401,
  condition_forbidden: 403,
  cross_site: 403,
  unknown_host: 403,
  integration_not_found: 404,
  job_not_found: 404,
  not_found: 404,
  schedule_not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  dead_letter_replayed: 409,
  idempotency_conflict: 409,
  message_duplicate: 409,
  not_a_dead_letter: 409,
  schedule_conflict: 409,
  version_conflict: 412,
  payload_too_large: 413,
  uri_too_long: 414,
  unsupported_media_type: 415,
  dead_letter: 422,
  input_invalid: 422,
  replay_refused: 422,
  value_not_storable: 422,
  headers_too_large: 431,
  internal_error: 500,
  database_locked: 503,
  database_retryable: 503,
  database_unavailable: 503,
  instance_stopping: 503,
  subscription_full: 503,
  subscription_paused: 503,
  unavailable: 503,
} as const

/** The `code` of a problem document: stable, for programs. */
export type HttpProblemCode = keyof typeof HTTP_PROBLEMS

const TITLES: Readonly<Record<(typeof HTTP_PROBLEMS)[HttpProblemCode], string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

/** What a problem document holds beyond its code and detail. */
export interface HttpProblemExtras {
  /** Further members of the document, snake_case. */
  readonly members?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * An error as a problem document: `title`, `status`, `detail`, `code`. It has no `type`, which
 * means `about:blank`: the status says what kind of error it is, the code which one.
 * @param detail for people: what happened and what to do; never a driver's message
 * Source: RFC 9457, section 3.
 */
export function httpProblem(
  code: HttpProblemCode,
  detail: string,
  { members = {}, headers = {} }: HttpProblemExtras = {},
): HttpResponse {
  const status = HTTP_PROBLEMS[code]
  return {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
    body: { title: TITLES[status], status, detail, code, ...members },
  }
}
