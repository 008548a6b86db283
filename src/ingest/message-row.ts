import { createHash } from 'node:crypto'
import type { Job, NewJob } from '../domain/job.ts'
import type { JsonObject } from '../domain/json.ts'
import type { InboundMessage } from '../domain/message.ts'
import { isStorable } from '../domain/storable.ts'
import type { Handler } from '../ports/handler.ts'
import { inboxKey } from './inbox-key.ts'
import type { MappedValues } from './mapped-values.ts'
import type { SubscriptionSettings } from './subscription-settings.ts'

/** What a row is made of. */
export interface RowSource {
  readonly id: string
  readonly message: InboundMessage
  readonly subscription: SubscriptionSettings
}

/** What the column `method` holds. */
const MAX_METHOD_CHARACTERS = 100

/** A payload without a content type is read as JSON; what the subscription says is none must say so. */
const DEFAULT_CONTENT_TYPE = {
  json: undefined,
  text: 'text/plain; charset=utf-8',
  binary: 'application/octet-stream',
} as const

/** The row of a message: as it was received, and over that what was mapped. */
export function messageRow(
  source: RowSource,
  mapped: MappedValues,
  handler: Pick<Handler, 'queue' | 'priority'> | undefined,
): NewJob {
  const { message, subscription } = source
  const identity = mapped.dedupeKey ?? message.identity
  return {
    ...common(source),
    ...(mapped.payload === undefined
      ? payloadOf(message, subscription)
      : mappedPayload(mapped.payload, subscription)),
    queue: subscription.queue ?? handler?.queue,
    priority: mapped.priority ?? subscription.priority ?? handler?.priority,
    maxRetries: subscription.maxRetries,
    timeoutSeconds: subscription.timeoutSeconds,
    headers: mapped.headers ?? message.headers,
    metadata: metadataOf(message, mapped),
    correlationId: mapped.correlationId ?? message.correlationId,
    tenantId: mapped.tenantId,
    orderingKey: mapped.orderingKey,
    scheduledAt: mapped.scheduledAt,
    dedupeKey: identity === undefined ? undefined : inboxKey(subscription.name, identity),
  }
}

/**
 * The row of a message that could not be stored as asked: its raw bytes as base64 and nothing else of it,
 * so that no data of it can be refused again. Its inbox key is the protocol's own, also where one is
 * mapped: the sender may correct what stands in the payload and send it again under the same key.
 */
export function deadRow(source: RowSource, reason: string, error: string): NewJob {
  const { message, subscription } = source
  return {
    ...common(source),
    traceparent: undefined,
    contentType: 'application/octet-stream',
    method: printable(message.method).slice(0, MAX_METHOD_CHARACTERS),
    payload: Buffer.from(message.body).toString('base64'),
    payloadEncoding: 'base64',
    metadata: { subscription: subscription.name, ...bodyHash(message) },
    dead: { reason, error: printable(error) },
  }
}

/**
 * The row of a message that is too large for any row: without its body, but with what finds it again at its
 * source.
 */
export function tooLargeRow(source: RowSource, error: string): NewJob {
  const { message, subscription } = source
  const facts = Object.entries(message.facts ?? {}).map(
    ([name, value]) =>
      [printable(name), typeof value === 'string' ? printable(value) : value] as const,
  )
  return {
    ...deadRow({ ...source, message: { ...message, body: new Uint8Array() } }, 'too_large', error),
    payload: undefined,
    payloadEncoding: undefined,
    metadata: {
      ...Object.fromEntries(facts),
      subscription: subscription.name,
      bytes: message.body.byteLength,
      sha256: createHash('sha256').update(message.body).digest('hex'),
    },
  }
}

function common({ id, message, subscription }: RowSource): NewJob {
  return {
    id,
    handler: subscription.handler,
    type: 'integration',
    direction: 'inbound',
    protocol: message.protocol,
    // The whole of a longer topic stands in the adapter's facts.
    method: message.method.slice(0, MAX_METHOD_CHARACTERS),
    contentType: message.contentType ?? DEFAULT_CONTENT_TYPE[subscription.contentType],
    traceparent: message.traceparent,
    dedupeKey:
      message.identity === undefined ? undefined : inboxKey(subscription.name, message.identity),
  }
}

/**
 * The payload as text where it is text. Bytes that no text column holds (NUL, invalid UTF-8) and binary
 * subscriptions keep theirs as base64.
 */
function payloadOf(
  { body }: InboundMessage,
  { contentType }: SubscriptionSettings,
): Pick<NewJob, 'payload' | 'payloadEncoding'> {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  if (contentType !== 'binary' && !bytes.includes(0)) {
    try {
      return { payload: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) }
    } catch {
      // Not UTF-8: kept byte for byte below.
    }
  }
  return { payload: bytes.toString('base64'), payloadEncoding: 'base64' }
}

/** JSON, whatever was received; of a text subscription a string stays text. */
function mappedPayload(
  json: string,
  { contentType }: SubscriptionSettings,
): Pick<NewJob, 'payload' | 'contentType'> {
  if (contentType === 'text') {
    const value: unknown = JSON.parse(json)
    if (typeof value === 'string' && isStorable(value)) {
      return { payload: value, contentType: DEFAULT_CONTENT_TYPE.text }
    }
  }
  return { payload: json, contentType: 'application/json' }
}

function metadataOf(message: InboundMessage, mapped: MappedValues): JsonObject {
  const key = mapped.key ?? message.key
  return {
    ...message.facts,
    ...(key !== undefined && { key }),
    ...mapped.metadata,
    ...bodyHash(message),
    subscription: message.subscription,
  }
}

/**
 * Whether a job was made of the same bytes. Their hash is compared and not the payload, which need not be
 * the body as it was received; `undefined`: there is none, as in rows of other writers.
 */
export function isSameBody(
  { bodySha256 }: InboundMessage,
  job: Pick<Job, 'metadata'> | undefined,
): boolean | undefined {
  const stored = job?.metadata?.['body_sha256']
  return bodySha256 === undefined || stored === undefined ? undefined : stored === bodySha256
}

function bodyHash({ bodySha256 }: InboundMessage): JsonObject {
  return bodySha256 === undefined ? {} : { body_sha256: bodySha256 }
}

function printable(text: string): string {
  return text.replaceAll('\0', '�').toWellFormed().slice(0, 2_000)
}
