import type { NewJob } from '../domain/job.ts'
import type { HandlerTransaction } from '../ports/store.ts'

/** What a handler did through its context. */
export interface Effects {
  /** Begun at the first use of `tx`. */
  transaction: HandlerTransaction | undefined
  /** What it enqueued: inserted with the completion. */
  readonly jobs: NewJob[]
  /** Once the handler has ended, whatever it still does through its context throws. */
  over: boolean
}

/** Of a handler that has not begun. */
export function noEffects(): Effects {
  return { transaction: undefined, jobs: [], over: false }
}

/** The jobs that are inserted with the completion, also those that are messages to be sent. */
export function madeJobs({ jobs }: Effects): readonly NewJob[] {
  return jobs
}
