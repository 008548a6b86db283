import type { Execution, Headers, Job } from '../domain/job.ts'
import { JOB_TYPE_WORDS, type Direction } from '../domain/job-type.ts'
import type { JsonObject } from '../domain/json.ts'
import { statusWord } from '../domain/status.ts'
import type { ClaimedJob, ExpiredJob } from '../ports/store.ts'

/** The columns that a {@link Job} is made of. */
export const JOB_ROW_COLUMNS = `id, name, description, handler, typeid, statusid, protocol, direction, method, queue,
        priority, payload, contenttype, payloadencoding, headers, metadata, result, lasterror, deadreason,
        progress, progresstotal, progressmessage, retrycount, maxretries, timeout, tenantid, createdby,
        parentjobid, orderingkey, correlationid, traceparent, scheduledat, createdon, startedat, completedat,
        rowversionstamp`

/** A row of `queue_jobs`, JSON parsed, times as dates. */
export interface JobRow {
  id: string
  name: string | null
  description: string | null
  handler: string
  typeid: number
  statusid: number
  protocol: string | null
  direction: Direction
  method: string | null
  queue: string
  priority: number
  payload: string | null
  contenttype: string | null
  payloadencoding: string | null
  headers: Headers | null
  metadata: JsonObject | null
  result: string | null
  lasterror: string | null
  deadreason: string | null
  progress: number
  progresstotal: number
  progressmessage: string | null
  retrycount: number
  maxretries: number | null
  timeout: number | null
  tenantid: string | null
  createdby: string | null
  parentjobid: string | null
  orderingkey: string | null
  correlationid: string | null
  traceparent: string | null
  scheduledat: Date | null
  createdon: Date
  startedat: Date | null
  completedat: Date | null
  rowversionstamp: number
}

/** A job as its row says. */
export function jobOf(row: JobRow): Job {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    handler: row.handler,
    type: JOB_TYPE_WORDS[row.typeid] ?? 'manual',
    status: statusWord(row.statusid) ?? 'pending',
    protocol: row.protocol,
    direction: row.direction,
    method: row.method,
    queue: row.queue,
    priority: row.priority,
    payload: row.payload,
    contentType: row.contenttype,
    payloadEncoding: row.payloadencoding,
    headers: row.headers,
    metadata: row.metadata,
    result: row.result,
    lastError: row.lasterror,
    deadReason: row.deadreason,
    progress: { current: row.progress, total: row.progresstotal, message: row.progressmessage },
    retryCount: row.retrycount,
    maxRetries: row.maxretries,
    timeoutSeconds: row.timeout,
    tenantId: row.tenantid,
    createdBy: row.createdby,
    parentJobId: row.parentjobid,
    orderingKey: row.orderingkey,
    correlationId: row.correlationid,
    traceparent: row.traceparent,
    scheduledAt: row.scheduledat,
    createdAt: row.createdon,
    startedAt: row.startedat,
    completedAt: row.completedat,
    version: row.rowversionstamp,
  }
}

/** The columns that an {@link Execution} is made of. */
export const EXECUTION_ROW_COLUMNS = `id, executionid, statusid, startedat, completedat, duration, result, outputdata, errormessage,
        retryattempt, executedby, metadata`

/** A row of `job_histories`; a bigint is text. */
export interface ExecutionRow {
  id: string
  executionid: string
  statusid: number
  startedat: Date
  completedat: Date | null
  duration: string | null
  result: string | null
  outputdata: string | null
  errormessage: string | null
  retryattempt: number
  executedby: string | null
  metadata: JsonObject | null
}

/** An execution as its row says. */
export function executionOf(row: ExecutionRow): Execution {
  return {
    id: row.id,
    executionId: row.executionid,
    status: statusWord(row.statusid) ?? 'pending',
    startedAt: row.startedat,
    completedAt: row.completedat,
    durationMs: row.duration === null ? null : Number(row.duration),
    result: row.result,
    output: row.outputdata,
    error: row.errormessage,
    retryAttempt: row.retryattempt,
    executedBy: row.executedby,
    metadata: row.metadata,
  }
}

/** A row as a claim reads it. */
export interface ClaimRow {
  id: string
  /** As the claim made it. */
  leaseepoch: number
  claimrank: number
  seq: string
  handler: string
  queue: string
  priority: number
  payload: string | null
  /** The payload is too large to come along; `null`: there is none. */
  large: boolean | null
  contenttype: string | null
  payloadencoding: string | null
  headers: Headers | null
  metadata: JsonObject | null
  method: string | null
  protocol: string | null
  retrycount: number
  maxretries: number | null
  timeout: number | null
  recoveries: number
  orderingkey: string | null
  tenantid: string | null
  createdby: string | null
  parentjobid: string | null
  correlationid: string | null
  traceparent: string | null
  createdon: Date
}

/** A claimed job as its row says. */
export function claimedJobOf(row: ClaimRow): ClaimedJob {
  return {
    jobId: row.id,
    epoch: row.leaseepoch,
    rank: row.claimrank,
    seq: row.seq,
    handler: row.handler,
    queue: row.queue,
    priority: row.priority,
    payload: row.large === true ? undefined : row.payload,
    contentType: row.contenttype,
    payloadEncoding: row.payloadencoding,
    headers: row.headers,
    metadata: row.metadata,
    method: row.method,
    protocol: row.protocol,
    retryCount: row.retrycount,
    maxRetries: row.maxretries,
    timeoutSeconds: row.timeout,
    recoveries: row.recoveries,
    orderingKey: row.orderingkey,
    tenantId: row.tenantid,
    createdBy: row.createdby,
    parentJobId: row.parentjobid,
    correlationId: row.correlationid,
    traceparent: row.traceparent,
    createdAt: row.createdon,
  }
}

/** A row as a recovery reads it. */
export interface ExpiredRow {
  id: string
  leaseepoch: number
  handler: string
  protocol: string | null
  method: string | null
  queue: string
  begun: boolean
  /** Since its begin, in milliseconds. */
  age: number
  retrycount: number
  maxretries: number | null
  recoveries: number
  lockedby: string | null
  cancelrequested: boolean
}

/** An expired job as its row says. */
export function expiredJobOf(row: ExpiredRow): ExpiredJob {
  return {
    jobId: row.id,
    epoch: row.leaseepoch,
    handler: row.handler,
    protocol: row.protocol,
    method: row.method,
    queue: row.queue,
    begun: row.begun,
    retryCount: row.retrycount,
    maxRetries: row.maxretries,
    recoveries: row.recoveries,
    lockedBy: row.lockedby,
    cancelRequested: row.cancelrequested,
  }
}
