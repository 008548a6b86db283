import { isJsonType, mediaType } from '../domain/content-type.ts'
import type { Json, JsonObject } from '../domain/json.ts'
import type { MappingInput } from '../ports/expressions.ts'
import type { HandlerJob, StoredPayload } from '../ports/handler.ts'

/**
 * An outbound row as its templates see it. `$now()` is when the row was made, so that every repeat of a
 * message is the same.
 */
export function templateInput(job: HandlerJob, stored: StoredPayload): MappingInput {
  const facts: Readonly<Record<string, Json | undefined>> = {
    id: job.id,
    publication: job.method ?? undefined,
    protocol: job.protocol ?? undefined,
    key: job.metadata['key'],
    metadata: job.metadata,
    tenant_id: job.tenantId ?? undefined,
    correlation_id: job.correlationId ?? undefined,
    parent_job_id: job.parentJobId ?? undefined,
    created_at: job.createdAt.toISOString(),
    attempt: job.attempt,
  }
  const given: JsonObject = Object.fromEntries(
    Object.entries(facts).filter((fact): fact is [string, Json] => fact[1] !== undefined),
  )
  return {
    payload: payloadOf(stored),
    headers: job.headers,
    facts: given,
    receivedAtMs: job.createdAt.getTime(),
  }
}

function payloadOf({
  payload,
  contentType,
  payloadEncoding,
}: StoredPayload): MappingInput['payload'] {
  const type = mediaType(contentType)
  const text = payload ?? ''
  if (payloadEncoding !== 'base64') {
    return { kind: type === '' || isJsonType(type) ? 'json' : 'text', text }
  }
  if (isJsonType(type)) return { kind: 'json', text: Buffer.from(text, 'base64').toString() }
  if (type.startsWith('text/'))
    return { kind: 'text', text: Buffer.from(text, 'base64').toString() }
  return { kind: 'base64', text }
}
