import { isCrossdockError } from '../domain/errors.ts'
import type { NewJob } from '../domain/job.ts'
import type { TryReport } from './application.ts'

/** Whether the execution would commit. */
export function succeeds({ trial: { ending } }: TryReport): boolean {
  return ending.kind === 'completed' || ending.kind === 'snoozed' || ending.kind === 'cancelled'
}

/** `protocol:name` of the publication that a message would go to; `undefined`: it is no message to be sent. */
export function addressOf({ direction, protocol, method }: NewJob): string | undefined {
  return direction === 'outbound' ? `${protocol ?? ''}:${method ?? ''}` : undefined
}

/** A payload as its value where it is JSON, else as its text. */
export function payloadValue({ payload, contentType }: NewJob): unknown {
  if (payload === undefined) return null
  if (contentType !== undefined && !/\bjson\b/.test(contentType)) return payload
  try {
    return JSON.parse(payload)
  } catch {
    return payload
  }
}

function resultOf(ending: TryReport['trial']['ending']): unknown {
  return ending.kind === 'completed' && ending.result !== null ? JSON.parse(ending.result) : null
}

/** A try as one line of JSON. */
export function tryJson(report: TryReport): string {
  const { handler, job, trial } = report
  const { ending, rehearsal, made } = trial
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
    would_publish: made.flatMap((one) => {
      const address = addressOf(one)
      if (address === undefined) return []
      const { headers = {}, metadata } = one
      return [{ address, key: metadata?.['key'] ?? null, headers, payload: payloadValue(one) }]
    }),
    would_enqueue: made.flatMap((one) =>
      addressOf(one) === undefined
        ? [
            {
              handler: one.handler,
              queue: one.queue ?? 'default',
              priority: one.priority ?? 0,
              payload: payloadValue(one),
              scheduled_at: one.scheduledAt ?? null,
              delay_ms: one.delayMs ?? null,
              unique_key: one.uniqueKey ?? null,
              ordering_key: one.orderingKey ?? null,
              tenant_id: one.tenantId ?? null,
            },
          ]
        : [],
    ),
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
