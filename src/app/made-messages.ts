import type { Headers, NewJob } from '../domain/job.ts'
import type { JsonObject } from '../domain/json.ts'

/** A message that a handler would publish. */
export interface PublishedMessage {
  /** Such as `kafka:orders-placed`. */
  readonly address: string
  readonly key: string | undefined
  readonly headers: Headers
  /** Its value where it is JSON, else as it would be stored. */
  readonly payload: unknown
}

/** A job that a handler would enqueue. */
export interface EnqueuedJob {
  readonly id: string
  readonly handler: string
  /** Its value where it is JSON, else as it would be stored. */
  readonly payload: unknown
  readonly queue: string
  readonly priority: number
  readonly delayMs: number | undefined
  readonly scheduledAt: Date | undefined
  readonly uniqueKey: string | undefined
  readonly orderingKey: string | undefined
  readonly tenantId: string | undefined
  readonly metadata: JsonObject | undefined
}

/** What a handler made, sorted into what leaves and what stays. */
export function madeMessages(made: readonly NewJob[]): {
  readonly published: readonly PublishedMessage[]
  readonly enqueued: readonly EnqueuedJob[]
} {
  const leaves = ({ direction }: NewJob): boolean => direction === 'outbound'
  return {
    published: made.filter(leaves).map(published),
    enqueued: made.filter((job) => !leaves(job)).map(enqueued),
  }
}

/** A payload as its value where it is JSON, else as it would be stored; `null`: it has none. */
function payloadValue({ payload, contentType }: NewJob): unknown {
  if (payload === undefined) return null
  if (contentType !== undefined && !/\bjson\b/.test(contentType)) return payload
  try {
    return JSON.parse(payload)
  } catch {
    return payload
  }
}

function published(job: NewJob): PublishedMessage {
  const key = job.metadata?.['key']
  return {
    address: `${job.protocol ?? ''}:${job.method ?? ''}`,
    key: typeof key === 'string' ? key : undefined,
    headers: job.headers ?? {},
    payload: payloadValue(job),
  }
}

function enqueued(job: NewJob): EnqueuedJob {
  return {
    id: job.id,
    handler: job.handler,
    payload: payloadValue(job),
    queue: job.queue ?? 'default',
    priority: job.priority ?? 0,
    delayMs: job.delayMs,
    scheduledAt: job.scheduledAt,
    uniqueKey: job.uniqueKey,
    orderingKey: job.orderingKey,
    tenantId: job.tenantId,
    metadata: job.metadata,
  }
}
