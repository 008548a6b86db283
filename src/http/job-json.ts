import type { Execution, Job } from '../domain/job.ts'
import type { StatusWord } from '../domain/status.ts'
import { JsonText } from './resource.ts'

/**
 * A job as the API shows it. JSON text and not an object: payload and result are JSON text in their
 * rows, and stay as they are; parsing them would round large numbers, and writing them again fails on
 * deep nesting.
 */
export function jobJson(job: Job): JsonText {
  return object([
    ['id', json(job.id)],
    ['name', json(job.name)],
    ['description', json(job.description)],
    ['handler', json(job.handler)],
    ['type', json(job.type)],
    ['status', json(job.status)],
    ['protocol', json(job.protocol)],
    ['direction', json(job.direction)],
    ['method', json(job.method)],
    ['queue', json(job.queue)],
    ['priority', json(job.priority)],
    ['payload', payloadJson(job)],
    ['headers', json(job.headers)],
    ['metadata', json(job.metadata)],
    ['result', stored(job.result)],
    ['error', json(job.lastError)],
    [
      'progress',
      json({
        current: job.progress.current,
        total: job.progress.total,
        percentage: percentage(job),
        message: job.progress.message,
      }),
    ],
    ['attempts', json(attempts(job))],
    ['max_retries', json(job.maxRetries)],
    ['tenant_id', json(job.tenantId)],
    ['created_by', json(job.createdBy)],
    ['parent_job_id', json(job.parentJobId)],
    ['correlation_id', json(job.correlationId)],
    ['scheduled_at', json(job.scheduledAt)],
    ['created_at', json(job.createdAt)],
    ['started_at', json(job.startedAt)],
    ['completed_at', json(job.completedAt)],
  ])
}

/** The small form, for those who poll. */
export function jobStatusJson(job: Job): JsonText {
  return object([
    ['id', json(job.id)],
    ['job_id', json(job.id)],
    ['status', json(job.status)],
    ['progress', json(job.progress.current)],
    ['total', json(job.progress.total)],
    ['percentage', json(percentage(job))],
    ['message', json(job.progress.message)],
    ['result', stored(job.result)],
    ['error', json(job.lastError)],
  ])
}

/** The executions of a job, `{data: […]}`. */
export function executionsJson(jobId: string, executions: readonly Execution[]): JsonText {
  return new JsonText(
    `{"data":[${executions.map((execution) => executionJson(jobId, execution).text).join(',')}]}`,
  )
}

function executionJson(jobId: string, execution: Execution): JsonText {
  return object([
    ['id', json(execution.id)],
    ['job_id', json(jobId)],
    ['execution_id', json(execution.executionId)],
    ['status', json(execution.status)],
    ['started_at', json(execution.startedAt)],
    ['completed_at', json(execution.completedAt)],
    ['duration_ms', json(execution.durationMs)],
    ['result', stored(execution.result)],
    ['output', stored(execution.output)],
    ['error', json(execution.error)],
    ['retry_attempt', json(execution.retryAttempt)],
    ['executed_by', json(execution.executedBy)],
    ['metadata', json(execution.metadata)],
  ])
}

const WAITING: readonly StatusWord[] = ['pending', 'queued', 'retrying', 'scheduled']

/** Attempts that have begun and count. `retrycount` is raised when an attempt fails, not when one begins. */
function attempts({ status, startedAt, retryCount }: Job): number {
  return WAITING.includes(status) || startedAt === null ? retryCount : retryCount + 1
}

/** Rounded down, so that 100 means done. */
function percentage({ progress: { current, total } }: Job): number {
  if (total <= 0) return 0
  return Math.min(100, Math.max(0, Math.floor((current / total) * 100)))
}

function payloadJson({ payload, contentType, payloadEncoding }: Job): string {
  const mediaType = contentType?.split(';')[0]?.trim().toLowerCase() ?? ''
  const isJson = mediaType === '' || /[/+]json$/.test(mediaType)
  return isJson && (payloadEncoding ?? '') === '' ? stored(payload) : json(payload)
}

/** Text of a column that should hold JSON: as it is when it does, else as a string. */
function stored(text: string | null): string {
  if (text === null) return 'null'
  try {
    JSON.parse(text)
    return text
  } catch {
    return json(text)
  }
}

function json(value: unknown): string {
  return JSON.stringify(value)
}

function object(members: readonly (readonly [name: string, json: string])[]): JsonText {
  return new JsonText(`{${members.map(([name, text]) => `${json(name)}:${text}`).join(',')}}`)
}
