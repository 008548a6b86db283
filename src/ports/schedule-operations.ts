import type { ScheduleSettings, StoredSchedule } from './schedule-book.ts'

/** What became of an operation on one schedule. */
export type ScheduleOutcome<Value> =
  | { readonly kind: 'done'; readonly value: Value }
  | { readonly kind: 'not_found' }
  /** Somebody has changed it since it was read. */
  | { readonly kind: 'stale' }
  /** The name belongs to another schedule. */
  | { readonly kind: 'taken' }
  | { readonly kind: 'invalid'; readonly problem: string }

/** One tick to come. */
export interface PreviewedTick {
  /** Milliseconds since 1970. */
  readonly at: number
  /** What the clock of the zone shows, with its distance from UTC. */
  readonly local: string
  /** Why it is not at the time that the expression names. */
  readonly reason?: string
}

/** The ticks to come of a schedule, and everything that keeps them from firing just so. */
export interface SchedulePreview {
  readonly timeZone: string
  readonly ticks: readonly PreviewedTick[]
  /** In sentences, for people. */
  readonly reasons: readonly string[]
}

/** Which schedule, by id or name; with `version` only where it still has it. */
export interface ScheduleReference {
  readonly idOrName: string
  readonly version?: number | null | undefined
}

/** What people do with schedules: the API's and the commands' one way. Errors are those of the store. */
export interface ScheduleOperations {
  list(request: {
    readonly after: string | null
    readonly limit: number
  }): Promise<readonly StoredSchedule[]>
  find(idOrName: string): Promise<StoredSchedule | undefined>
  create(
    settings: Partial<ScheduleSettings> & Pick<ScheduleSettings, 'name' | 'handler'>,
    createdBy: string | null,
  ): Promise<ScheduleOutcome<StoredSchedule>>
  change(
    which: ScheduleReference,
    settings: Partial<ScheduleSettings>,
  ): Promise<ScheduleOutcome<StoredSchedule>>
  remove(which: ScheduleReference): Promise<ScheduleOutcome<undefined>>
  /** Makes a job now, whatever its condition and policies say; it counts in nothing. Gives the job's id. */
  run(idOrName: string): Promise<ScheduleOutcome<{ readonly jobId: string }>>
  preview(idOrName: string, count: number): Promise<ScheduleOutcome<SchedulePreview>>
  /** Makes the jobs of the ticks from `from` to `to`, at most 1,000; a tick that has its job gets no second one. */
  backfill(
    idOrName: string,
    window: { readonly from: number; readonly to: number },
  ): Promise<ScheduleOutcome<{ readonly jobIds: readonly string[]; readonly existing: number }>>
}
