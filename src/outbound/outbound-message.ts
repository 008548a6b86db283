import { CrossdockError } from '../domain/errors.ts'
import { headerProblem } from '../domain/header-rules.ts'
import type { Headers } from '../domain/job.ts'
import { IDEMPOTENCY_HEADER } from '../domain/outbound.ts'
import type { HandlerJob, StoredPayload } from '../ports/handler.ts'
import type { OutboundMessage } from '../ports/outbound.ts'
import type { Rendered } from './templates.ts'

/**
 * An outbound row as its adapter is given it.
 * @param rendered what the publication's templates gave
 * @param hasKey the publication has a template of the key
 * @throws CrossdockError `message_invalid`: what a plain INSERT wrote is no message
 */
export function outboundMessage(
  job: HandlerJob,
  stored: StoredPayload,
  rendered: Rendered,
  hasKey: boolean,
): OutboundMessage {
  const own: Record<string, string> = { [IDEMPOTENCY_HEADER]: job.id }
  if (job.traceparent !== null) own['traceparent'] = job.traceparent
  if (job.correlationId !== null) own['correlation-id'] = job.correlationId
  return {
    id: job.id,
    payload: bytesOf(stored),
    ...(stored.payload === null && { isNull: true }),
    contentType: contentTypeOf(stored),
    key: hasKey ? rendered.key : rowKey(job),
    headers: laidOver(laidOver(rowHeaders(job), rendered.headers), own),
    target: rendered.target,
    attempt: job.attempt,
  }
}

function bytesOf({ payload, payloadEncoding }: StoredPayload): Uint8Array {
  if (payload === null) return new Uint8Array()
  if (payloadEncoding === null || payloadEncoding === '') return Buffer.from(payload)
  if (payloadEncoding !== 'base64') {
    throw invalid(`its payloadencoding is ${JSON.stringify(payloadEncoding)}; only base64 is known`)
  }
  // `Buffer.from` skips what is no base64. Line breaks are fine: databases put them in.
  if (!/^[\w+/=\s-]*$/.test(payload)) throw invalid('its payload is not valid base64')
  return Buffer.from(payload, 'base64')
}

/** A row without a content type is JSON, unless it is bytes. */
function contentTypeOf({
  payload,
  contentType,
  payloadEncoding,
}: StoredPayload): string | undefined {
  if (contentType !== null && contentType !== '') return contentType
  return payload !== null && payloadEncoding !== 'base64' ? 'application/json' : undefined
}

function rowKey({ metadata }: HandlerJob): string | undefined {
  const key = metadata['key']
  if (typeof key === 'number' || typeof key === 'boolean') return String(key)
  return typeof key === 'string' ? key : undefined
}

/** A plain INSERT may have written anything. */
function rowHeaders({ headers }: HandlerJob): Headers {
  const all: unknown = headers
  if (typeof all !== 'object' || all === null || Array.isArray(all)) {
    throw invalid('its headers are no object')
  }
  const checked: Record<string, Headers[string]> = {}
  for (const [name, value] of Object.entries(all as Readonly<Record<string, unknown>>)) {
    if (value === null) continue
    const plain = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
    const problem = headerProblem(name, plain)
    if (problem !== undefined) throw invalid(problem)
    checked[name] = plain as Headers[string]
  }
  return checked
}

/** Headers over others: one name in two spellings is one header. */
function laidOver(below: Headers, above: Headers): Headers {
  const names = new Set(Object.keys(above).map((name) => name.toLowerCase()))
  const kept = Object.entries(below).filter(([name]) => !names.has(name.toLowerCase()))
  return { ...Object.fromEntries(kept), ...above }
}

function invalid(why: string): CrossdockError {
  return new CrossdockError('message_invalid', `the row is no message that can go out: ${why}`)
}
