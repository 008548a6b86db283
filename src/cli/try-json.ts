import { madeMessages, type EnqueuedJob } from '../app/made-messages.ts'
import { isCrossdockError } from '../domain/errors.ts'
import type { TryReport } from './application.ts'

/** Whether the execution would commit. */
export function succeeds({ trial: { ending } }: TryReport): boolean {
  return ending.kind === 'completed' || ending.kind === 'snoozed' || ending.kind === 'cancelled'
}

function resultOf(ending: TryReport['trial']['ending']): unknown {
  return ending.kind === 'completed' && ending.result !== null ? JSON.parse(ending.result) : null
}

/** A try as one line of JSON. */
export function tryJson(report: TryReport): string {
  const { handler, job, trial } = report
  const { ending, rehearsal } = trial
  const { published, enqueued } = madeMessages(trial.made)
  return JSON.stringify({
    succeeds: succeeds(report),
    outcome: ending.kind,
    handler,
    job_id: job?.id ?? null,
    job_status: job?.status ?? null,
    result: resultOf(ending),
    error: 'error' in ending ? ending.error : 'reason' in ending ? ending.reason : null,
    error_code: isCrossdockError(trial.error) ? trial.error.code : null,
    dead_reason: ending.kind === 'failed' ? ending.deadReason : null,
    delay_ms: 'delayMs' in ending ? ending.delayMs : null,
    rows_touched: rehearsal.touched ?? null,
    effects_may_have_stayed: rehearsal.mayHaveStayed,
    would_publish: published,
    would_enqueue: enqueued.map(snakeCase),
    progress: trial.progress,
    log: trial.logs.map(({ level, message, atMs, fields }) => ({
      level,
      message,
      at_ms: Math.round(atMs),
      fields,
    })),
    duration_ms: Math.round(trial.durationMs),
  })
}

function snakeCase(job: EnqueuedJob): object {
  return {
    handler: job.handler,
    queue: job.queue,
    priority: job.priority,
    payload: job.payload,
    scheduled_at: job.scheduledAt ?? null,
    delay_ms: job.delayMs ?? null,
    unique_key: job.uniqueKey ?? null,
    ordering_key: job.orderingKey ?? null,
    tenant_id: job.tenantId ?? null,
  }
}
