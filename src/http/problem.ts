import { isCrossdockError, type CrossdockError, type ErrorCode } from '../domain/errors.ts'
import type { HttpResponse } from '../ports/http-host.ts'
import { httpProblem } from '../ports/http-problem.ts'

/** When a client may come again after something that passes. */
const RETRY_AFTER_SECONDS = '2'

/** What a request is answered while the instance stops: by then another one may have its place. */
export function stoppingProblem(): HttpResponse {
  return httpProblem('instance_stopping', 'This instance is stopping; send the request again.', {
    headers: { 'retry-after': '1', connection: 'close' },
  })
}

/** What a body over the limit is answered. @param key whose `body_limit` it is in the configuration */
export function tooLargeProblem(limitBytes?: number, key = 'http'): HttpResponse {
  return httpProblem(
    'payload_too_large',
    limitBytes === undefined
      ? 'The request is larger than what can be stored.'
      : `The body is larger than ${limitBytes} bytes, which is the limit (${key}.body_limit).`,
  )
}

/** The job that a request named is not there. */
export function jobNotFoundProblem(): HttpResponse {
  return httpProblem('job_not_found', 'There is no job with this id.')
}

/**
 * What anything thrown is answered. The sentences are written here: an error's own message may be a
 * driver's, with hosts, statements or values in it.
 */
export function problemOf(error: unknown): HttpResponse {
  if (isCrossdockError(error)) return problemOfOurs(error)
  const status = statusOf(error)
  const code = status === undefined ? undefined : FRAMEWORK_CODES[status]
  if (code === 'payload_too_large') return tooLargeProblem()
  if (code !== undefined) return httpProblem(code, FRAMEWORK_DETAILS[code])
  return status !== undefined && status >= 400 && status < 500
    ? httpProblem('bad_request', FRAMEWORK_DETAILS.bad_request)
    : internalProblem()
}

/** Whether an answer is worth a line in the log: an outage is logged by the part that found it. */
export function isUnexpected(response: HttpResponse): boolean {
  return response.status >= 500 && response.status !== 503
}

/** The errors of ours that a request can run into; every other one is a fault of the program. */
const ANSWERS: Partial<Record<ErrorCode, (error: CrossdockError) => HttpResponse>> = {
  database_unavailable: () =>
    comeAgain(
      'database_unavailable',
      'The database is out of reach. Send the request again, with the same Idempotency-Key: whether it was stored may be unknown.',
    ),
  database_retryable: () =>
    comeAgain('database_retryable', 'The database broke the request off. Send it again.'),
  database_locked: () =>
    comeAgain('database_locked', 'Somebody holds what this request needs. Send it again.'),
  database_data: () =>
    httpProblem(
      'value_not_storable',
      'The database cannot store a value of this request: look for characters and numbers out of its range.',
    ),
  instance_stopping: stoppingProblem,
  payload_too_large: () => tooLargeProblem(),
  job_not_found: jobNotFoundProblem,
  input_invalid: ({ details }) => inputProblem(details['problems']),
}

function problemOfOurs(error: CrossdockError): HttpResponse {
  const answer = ANSWERS[error.code]
  if (answer !== undefined) return answer(error)
  return error.retryable
    ? comeAgain('unavailable', 'This cannot be done now. Send the request again.')
    : internalProblem()
}

function comeAgain(
  code: 'database_unavailable' | 'database_locked' | 'database_retryable' | 'unavailable',
  detail: string,
): HttpResponse {
  return httpProblem(code, detail, { headers: { 'retry-after': RETRY_AFTER_SECONDS } })
}

/** What a request without a route is answered, given the methods that its address does take. */
export function unroutedProblem(methods: readonly string[]): HttpResponse {
  if (methods.length === 0) return httpProblem('not_found', 'There is nothing at this address.')
  const allow = methods.join(', ')
  return httpProblem('method_not_allowed', `This address takes ${allow}.`, { headers: { allow } })
}

/** The answer to an input that is wrong, place by place. */
export function inputProblem(problems: unknown): HttpResponse {
  return httpProblem('input_invalid', 'The input is not valid; see problems.', {
    members: { problems: Array.isArray(problems) ? problems : [] },
  })
}

function internalProblem(): HttpResponse {
  return httpProblem(
    'internal_error',
    'Something went wrong here; the log of the instance says what.',
  )
}

type FrameworkCode = 'bad_request' | 'request_timeout' | 'uri_too_long' | 'unsupported_media_type'

const FRAMEWORK_CODES: Readonly<Record<number, FrameworkCode | 'payload_too_large'>> = {
  400: 'bad_request',
  408: 'request_timeout',
  413: 'payload_too_large',
  414: 'uri_too_long',
  415: 'unsupported_media_type',
}

const FRAMEWORK_DETAILS: Readonly<Record<FrameworkCode, string>> = {
  bad_request:
    'The request cannot be read: its address, its headers or the length of its body are wrong.',
  request_timeout: 'The request took too long to arrive.',
  uri_too_long: 'A part of the address is too long.',
  unsupported_media_type: 'The header content-type cannot be read.',
}

function statusOf(error: unknown): number | undefined {
  return typeof error === 'object' &&
    error !== null &&
    'statusCode' in error &&
    typeof error.statusCode === 'number'
    ? error.statusCode
    : undefined
}
