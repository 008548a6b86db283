import type { HttpRequest, HttpResponse } from './http-host.ts'
import { httpProblem } from './http-problem.ts'

/** The body of a request that could be read, or the answer to one that could not. */
export type ReadBody<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problem: HttpResponse }

/** A JSON body: its text as sent, and what it means. */
export interface JsonBody {
  readonly text: string
  readonly parsed: unknown
}

const JSON_MEDIA_TYPE = /^(?:application\/json|[\w.+-]+\/[\w.+-]+\+json)$/
const UTF_8_CHARSETS = ['utf-8', 'utf8', 'us-ascii', 'ascii']

/**
 * The body as text. Only UTF-8, unpacked: 415 for another charset or a content encoding, 400 for
 * bytes that are not UTF-8 (the usual lenient decoding would store U+FFFD in their place).
 */
export function readTextBody(request: HttpRequest): ReadBody<string> {
  const encoding = single(request.headers['content-encoding'])
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    return refuse(
      `Send the body without content-encoding; ${quote(encoding)} is not unpacked here.`,
    )
  }
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(
    single(request.headers['content-type']) ?? '',
  )?.[1]
  if (charset !== undefined && !UTF_8_CHARSETS.includes(charset.toLowerCase())) {
    return refuse(`Send the body in UTF-8, not in ${quote(charset)}.`)
  }
  try {
    // A byte order mark is kept: JSON forbids it, and text is stored as sent.
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    return { ok: true, value: decoder.decode(request.body) }
  } catch {
    return { ok: false, problem: httpProblem('invalid_utf8', 'The body is not valid UTF-8.') }
  }
}

/**
 * The body as JSON: 415 for another media type (a body that names none is taken as JSON), 400 for a
 * body that is empty or malformed.
 */
export function readJsonBody(request: HttpRequest): ReadBody<JsonBody> {
  const mediaType = mediaTypeOf(request)
  if (mediaType !== undefined && !JSON_MEDIA_TYPE.test(mediaType)) {
    return refuse('Send JSON, with the header content-type: application/json.')
  }
  const text = readTextBody(request)
  if (!text.ok) return text
  if (text.value.trim() === '') {
    return { ok: false, problem: httpProblem('empty_body', 'The body is empty; send JSON.') }
  }
  try {
    return { ok: true, value: { text: text.value, parsed: JSON.parse(text.value) } }
  } catch {
    // The parser's message quotes the body, which may hold secrets.
    return { ok: false, problem: httpProblem('malformed_json', 'The body is not valid JSON.') }
  }
}

/** The media type of a request in lower case, without parameters; `undefined` when it names none. */
export function mediaTypeOf(request: Pick<HttpRequest, 'headers'>): string | undefined {
  return single(request.headers['content-type'])?.split(';')[0]?.trim().toLowerCase()
}

function refuse(detail: string): { readonly ok: false; readonly problem: HttpResponse } {
  return { ok: false, problem: httpProblem('unsupported_media_type', detail) }
}

function single(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0]
}

function quote(value: string): string {
  return JSON.stringify(value.slice(0, 100))
}
