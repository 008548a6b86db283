import { z } from 'zod'
import type { Headers, Job } from '../domain/job.ts'
import { PROTOCOLS } from '../domain/job-type.ts'
import type { Json, JsonObject } from '../domain/json.ts'
import type { InboundMessage } from '../domain/message.ts'

/** What a dead letter keeps of a message beside its body, in characters of JSON; beyond it nothing is kept. */
const MAX_KEPT_CHARACTERS = 64 * 1024

const texts = z.record(z.string(), z.string())

/** `metadata.received` of a dead letter. */
const receivedSchema = z.object({
  content_type: z.string().optional(),
  key: z.string().optional(),
  traceparent: z.string().optional(),
  correlation_id: z.string().optional(),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  query: z.record(z.string(), z.union([z.string(), z.array(z.string())])).optional(),
  params: texts.optional(),
})

/** What is kept of a message beside its bytes, cleaned of what no column takes, for its replay. */
export function keptBesideBody(message: InboundMessage): {
  readonly headers?: Headers
  readonly received?: JsonObject
} {
  const { contentType, key, traceparent, correlationId, facts, query, params } = message
  const kept = {
    headers: message.headers,
    received: {
      content_type: contentType,
      key,
      traceparent,
      correlation_id: correlationId,
      facts,
      query,
      params,
    },
  }
  const text = JSON.stringify(kept)
  if (text.length > MAX_KEPT_CHARACTERS) return {}
  // Once through JSON: what is undefined goes.
  const clean = cleaned(JSON.parse(text) as Json) as { headers: Headers; received: JsonObject }
  return {
    ...(Object.keys(clean.headers).length > 0 && { headers: clean.headers }),
    ...(Object.keys(clean.received).length > 0 && { received: clean.received }),
  }
}

/**
 * The message that a dead letter was, as it came in; `undefined`: the row is none, or its body was not kept. Without its
 * identity: that is the dead letter's.
 */
export function receivedMessage(
  job: Pick<Job, 'protocol' | 'method' | 'payload' | 'payloadEncoding' | 'headers' | 'metadata'>,
): InboundMessage | undefined {
  const subscription = job.metadata?.['subscription']
  const protocol = PROTOCOLS.find((one) => one === job.protocol)
  if (typeof subscription !== 'string' || protocol === undefined) return undefined
  if (job.payload === null || job.payloadEncoding !== 'base64') return undefined
  const parsed = receivedSchema.safeParse(job.metadata?.['received'] ?? {})
  const received = parsed.success ? parsed.data : {}
  const hash = job.metadata?.['body_sha256']
  return {
    protocol,
    subscription,
    method: job.method ?? '',
    body: Buffer.from(job.payload, 'base64'),
    headers: job.headers ?? {},
    contentType: received.content_type,
    key: received.key,
    traceparent: received.traceparent,
    correlationId: received.correlation_id,
    facts: received.facts,
    query: received.query,
    params: received.params,
    bodySha256: typeof hash === 'string' ? hash : undefined,
  }
}

/** JSON with every text and name such that a column takes it. */
export function cleaned(value: Json): Json {
  if (typeof value === 'string') return storable(value)
  if (Array.isArray(value)) return value.map(cleaned)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [storable(name), cleaned(inner)]),
  )
}

/** A text of a bounded length that every text column takes. */
export function printable(text: string): string {
  return storable(text).slice(0, 2_000).toWellFormed()
}

function storable(text: string): string {
  return text.replaceAll('\0', '\uFFFD').toWellFormed()
}
