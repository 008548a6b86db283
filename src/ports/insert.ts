import type { NewJob } from '../domain/job.ts'

/** What became of one job of an insert. */
export type InsertOutcome =
  | { readonly outcome: 'stored'; readonly jobId: string }
  | { readonly outcome: 'duplicate'; readonly jobId: string }

/** What to insert. */
export interface InsertRequest {
  readonly jobs: readonly NewJob[]
  /** These very jobs were sent before and nobody knows whether they were committed. */
  readonly again: boolean
  /**
   * How many of the jobs, one number after the other, are the rows of one message: all of them are stored or
   * none is. Where a key of one row is taken, each of them is a `duplicate`. Left out: every job stands alone.
   */
  readonly units?: readonly number[] | undefined
}
