/** One step along a table, oldest rows first. */
export interface Sweep {
  /** Where the step before ended; `null`: at the oldest row. */
  readonly after: string | null
  /** How many rows of any kind a step looks at, at most. It removes no more. */
  readonly limit: number
  /** What is older is removed, by the database's clock. In milliseconds. */
  readonly olderThanMs: number
}

/** A step along the jobs. */
export interface JobSweep extends Sweep {
  /** A row that has an inbox key is kept until it is so old; `null`: for ever. In milliseconds. */
  readonly inboxMs: number | null
}

/** What a step did. */
export interface SweepStep {
  readonly removed: number
  /** Where the next step begins; `null`: what comes behind is too young to be removed. */
  readonly next: string | null
}

/** Removes what has been kept long enough. Each step is one commit; rows that somebody has locked are passed over. */
export interface RetentionStore {
  /** Removes histories by the time at which they were written. */
  removeHistories(sweep: Sweep): Promise<SweepStep>
  /**
   * Removes finished jobs by the time at which they ended, dead letters like others. A job that has a history
   * left is kept, and so is every one that has not ended.
   */
  removeJobs(sweep: JobSweep): Promise<SweepStep>
}
