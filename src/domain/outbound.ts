import type { Protocol } from './job-type.ts'
import type { Headers, NewJob } from './job.ts'
import type { JsonObject } from './json.ts'

/** The handler that every outbound row names: it publishes what the row has. */
export const OUTBOUND_HANDLER = 'outbound.publish'

/** The header or property by which the far side knows a repeat: the job's id. */
export const IDEMPOTENCY_HEADER = 'idempotency-key'

/** What the column `queue` holds. */
const MAX_QUEUE_CHARACTERS = 100

/** What the column `orderingkey` holds. */
const MAX_ORDERING_KEY_CHARACTERS = 255

/** Names one publication. */
export interface PublicationAddress {
  readonly protocol: Protocol
  readonly publication: string
}

/** Names one publication: `kafka:orders-placed`. */
export function addressOf(protocol: string, name: string): string {
  return `${protocol}:${name}`
}

/**
 * The queue of a publication's rows: its address, so that one target never delays another. The trigger of
 * the migrations computes the same for rows that are inserted without a queue.
 */
export function outboundQueue(address: string): string {
  return address.slice(0, MAX_QUEUE_CHARACTERS)
}

/**
 * What keeps the messages of one key in order: the key within its publication. With the key alone, messages
 * of one key to two targets would wait for each other. A key that is cut shares its turn with others that
 * begin alike, which costs time and no order.
 */
export function outboundOrderingKey(address: string, key: string): string {
  return `${address} ${key}`.slice(0, MAX_ORDERING_KEY_CHARACTERS).toWellFormed()
}

/** A message to a publication, as {@link outboundJob} takes it. */
export interface OutboundRow {
  readonly id: string
  readonly protocol: Protocol
  /** The publication's name. */
  readonly publication: string
  /** As stored: see {@link NewJob.payload}. */
  readonly payload?: string | undefined
  readonly contentType?: string | undefined
  readonly payloadEncoding?: 'base64' | undefined
  readonly headers?: Headers | undefined
  /** The message key. */
  readonly key?: string | undefined
  /** Instead of the key, within the tenant; `null`: no order is kept. */
  readonly orderingKey?: string | null | undefined
  readonly metadata?: JsonObject | undefined
}

/** The row of a message to a publication. Lay over it what else the job has: tenant, priority, times, parent. */
export function outboundJob(row: OutboundRow): NewJob {
  const address = addressOf(row.protocol, row.publication)
  const keyOrder = row.key === undefined ? undefined : outboundOrderingKey(address, row.key)
  return {
    id: row.id,
    handler: OUTBOUND_HANDLER,
    type: 'integration',
    direction: 'outbound',
    protocol: row.protocol,
    method: row.publication,
    queue: outboundQueue(address),
    payload: row.payload,
    contentType: row.contentType,
    payloadEncoding: row.payloadEncoding,
    headers: row.headers,
    metadata: row.key === undefined ? row.metadata : { ...row.metadata, key: row.key },
    orderingKey: row.orderingKey === undefined ? keyOrder : (row.orderingKey ?? undefined),
  }
}

/** What the handler of an outbound row returns: the far side has confirmed the message. */
export interface Published {
  readonly kind: 'crossdock:published'
  /** What it said. */
  readonly answer: string | undefined
}

/** The far side has confirmed a message, and may have said something. */
export function published(answer: string | undefined): Published {
  return { kind: 'crossdock:published', answer }
}

/** Whether a handler returned {@link published}. */
export function isPublished(value: unknown): value is Published {
  if (typeof value !== 'object' || value === null) return false
  return 'kind' in value && value.kind === 'crossdock:published' && 'answer' in value
}
