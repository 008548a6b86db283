import { STATUS, type StatusId } from '../domain/status.ts'
import type { NewJob } from '../domain/job.ts'
import type { Ending, ExecutionKey, Settlement } from '../ports/store.ts'

/** What an ending writes into the row of its job, and into the history. */
export interface Written {
  readonly status: StatusId
  /** `statusid` of the history row. */
  readonly history: StatusId
  readonly willRetry: boolean | null
  readonly result: string | null
  readonly error: string | null
  readonly deadReason: string | null
  /** The job waits for so long from now; `null`: `scheduledat` stays. */
  readonly delayMs: number | null
  /** Added to `retrycount`. */
  readonly retried: 0 | 1
  /** Taken from `priority`. */
  readonly lowered: 0 | 1
}

/** A settlement, and whether it is the end of an execution that a dead process left behind. */
export type Ended = Settlement & { readonly recovered?: boolean }

const NOTHING = {
  willRetry: null,
  result: null,
  error: null,
  deadReason: null,
  delayMs: null,
  retried: 0,
  lowered: 0,
} as const

/** What an ending writes; the same on every dialect. */
export function written(ending: Ending): Written {
  switch (ending.kind) {
    case 'completed':
      return {
        ...NOTHING,
        status: STATUS.completed,
        history: STATUS.completed,
        result: ending.result,
      }
    case 'failed':
      return {
        ...NOTHING,
        status: STATUS.failed,
        history: STATUS.failed,
        willRetry: false,
        error: ending.error,
        deadReason: ending.deadReason,
      }
    case 'retry':
      return {
        ...NOTHING,
        status: STATUS.retrying,
        history: STATUS.failed,
        willRetry: true,
        error: ending.error,
        delayMs: ending.delayMs,
        retried: 1,
        lowered: ending.lowerPriority ? 1 : 0,
      }
    case 'snoozed':
      return {
        ...NOTHING,
        status: STATUS.scheduled,
        history: STATUS.scheduled,
        delayMs: ending.delayMs,
      }
    case 'cancelled':
      return {
        ...NOTHING,
        status: STATUS.cancelled,
        history: STATUS.cancelled,
        error: ending.reason,
      }
    case 'returned':
      return {
        ...NOTHING,
        status: ending.delayMs > 0 ? STATUS.scheduled : STATUS.pending,
        history: STATUS.pending,
        error: ending.error ?? null,
        delayMs: ending.delayMs > 0 ? ending.delayMs : null,
      }
  }
}

/** The jobs that go with those executions that were ended now, and not with those that somebody else has. */
export function jobsBeside(
  settlements: readonly Ended[],
  ended: readonly ExecutionKey[],
): readonly NewJob[] {
  if (settlements.every(({ jobs = [] }) => jobs.length === 0)) return []
  const mine = new Set(ended.map(({ jobId, epoch }) => `${epoch}:${jobId}`))
  return settlements.flatMap(({ jobId, epoch, jobs = [] }) =>
    mine.has(`${epoch}:${jobId}`) ? jobs : [],
  )
}
