import type { Headers, Job } from '../domain/job.ts'
import type { JsonObject } from '../domain/json.ts'
import type { ClaimedJob } from '../ports/store.ts'

/** A message that is stored nowhere; what is left out has the columns' defaults. */
export interface TrialMessage {
  readonly id: string
  readonly handler: string
  /** Text as a row would have it. */
  readonly payload: string | null
  readonly contentType?: string | undefined
  readonly payloadEncoding?: 'base64' | undefined
  readonly headers?: Headers | undefined
  readonly metadata?: JsonObject | undefined
  /** 1 is the first attempt. */
  readonly attempt?: number | undefined
  readonly queue?: string | undefined
  readonly priority?: number | undefined
  readonly method?: string | undefined
  readonly protocol?: string | undefined
  readonly tenantId?: string | undefined
  readonly createdBy?: string | undefined
  readonly correlationId?: string | undefined
}

/** The job that a message would be, as a worker would hold it. */
export function messageAsJob(message: TrialMessage): ClaimedJob {
  const { id, handler, payload, attempt = 1, queue = 'default', priority = 0 } = message
  return {
    ...NEVER_CLAIMED,
    jobId: id,
    handler,
    queue,
    priority,
    payload,
    contentType: message.contentType ?? null,
    payloadEncoding: message.payloadEncoding ?? null,
    headers: message.headers ?? null,
    metadata: message.metadata ?? null,
    method: message.method ?? null,
    protocol: message.protocol ?? null,
    retryCount: attempt - 1,
    maxRetries: null,
    timeoutSeconds: null,
    tenantId: message.tenantId ?? null,
    createdBy: message.createdBy ?? null,
    parentJobId: null,
    correlationId: message.correlationId ?? null,
    traceparent: null,
    createdAt: new Date(),
  }
}

/** A stored job as a worker would hold it. One that has ended begins anew, as after a retry by hand. */
export function storedAsJob(job: Job, handler = job.handler): ClaimedJob {
  const hasEnded = ['completed', 'failed', 'cancelled'].includes(job.status)
  return {
    ...NEVER_CLAIMED,
    jobId: job.id,
    handler,
    queue: job.queue,
    priority: job.priority,
    payload: job.payload,
    contentType: job.contentType,
    payloadEncoding: job.payloadEncoding,
    headers: job.headers,
    metadata: job.metadata,
    method: job.method,
    protocol: job.protocol,
    retryCount: hasEnded ? 0 : job.retryCount,
    maxRetries: job.maxRetries,
    timeoutSeconds: job.timeoutSeconds,
    tenantId: job.tenantId,
    createdBy: job.createdBy,
    parentJobId: job.parentJobId,
    correlationId: job.correlationId,
    traceparent: job.traceparent,
    createdAt: job.createdAt,
  }
}

/** What a claim would have given. */
const NEVER_CLAIMED = { epoch: 0, rank: 0, seq: '0', recoveries: 0, orderingKey: null }
