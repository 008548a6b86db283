import type { ScheduleDefinition } from '../domain/schedule.ts'
import type { TurnKey } from '../domain/turn.ts'

/** What a row of `jobs` was when it was read: whoever writes it says that it still is. Exact, as text. */
export interface ScheduleVersion {
  /** `null`: its next tick is to be computed. */
  readonly nextRunAt: string | null
  readonly modifiedOn: string
}

/** Names a schedule as it was read. */
export interface ScheduleKey {
  readonly id: string
  readonly version: ScheduleVersion
}

/** A schedule that is to be looked at. Times are milliseconds since 1970. */
export interface DueSchedule extends ScheduleKey {
  readonly name: string
  readonly handler: string
  readonly definition: ScheduleDefinition
  /** The payload where it may hold `{{ … }}`; `null`: it is copied as it stands. */
  readonly template: string | null
  /** `lasterror` as it was read. */
  readonly lastError: string | null
  /** The tick that is due; `null`: the next tick is to be computed. */
  readonly dueAt: number | null
  /** When the row was written last. */
  readonly changedAt: number
}

/** A place in the order of {@link ScheduleStore.due}. */
export interface SchedulePosition {
  readonly nextRunAt: string | null
  readonly id: string
}

/** What is due at one moment. */
export interface DuePage {
  /** The database's clock, in milliseconds since 1970. */
  readonly now: number
  /** Those whose next tick is to be computed first, then those that are due, the earliest first. */
  readonly schedules: readonly DueSchedule[]
  /** Until the next tick that is not due yet; `null`: none is known. */
  readonly nextDueInMs: number | null
}

/** Milliseconds since 1970, or `never`: the schedule is over, or cannot run. */
export type NextTick = number | 'never'

/** One job of a schedule that is to be made. */
export interface TickJob {
  /** Milliseconds since 1970; `due`: the very time in the row. */
  readonly tick: number | 'due'
  /** What its template made; left out: the row's payload as it stands. */
  readonly payload?: string | undefined
  /** Jitter: the job begins so much after now, in milliseconds; left out: none. */
  readonly delayMs?: number | undefined
}

/** A schedule that is due, with the ticks that are to be fired. */
export interface TickToFire {
  readonly schedule: ScheduleKey
  /** At least one; more than one only where `overlappolicy` is `allow`. The earliest first. */
  readonly jobs: readonly TickJob[]
  /** The tick after these, as if there were no `maxexecutions`: the store heeds it. */
  readonly next: NextTick
  /** For `lasterror`: it fires, and something is amiss all the same. Left out: nothing is. */
  readonly note?: string | undefined
}

/** What became of a batch of ticks. */
export interface FiredTicks {
  /** The schedules that were moved on. The others had changed meanwhile, or somebody has them locked. */
  readonly moved: readonly string[]
  /** How many jobs were made: of a tick that had its job already none is. */
  readonly jobs: number
  /** The queues of these jobs. */
  readonly queues: readonly string[]
  /** The lanes of those of them that wait for the job before. */
  readonly turns: readonly TurnKey[]
  /** Schedules whose tick made no job since the one before has not ended (`skip`), or waits too (`queue`). */
  readonly overlapped: readonly string[]
}

/** What is written of a schedule whose next tick was computed. */
export interface SchedulePlan {
  readonly schedule: ScheduleKey
  readonly next: NextTick
  /** For `lasterror`: why it cannot run, or why its last tick made no job; `null`: nothing is wrong. */
  readonly error: string | null
}

/** The schedules as a whole, for `/status`. */
export interface ScheduleOverview {
  /** The next tick of all; `null`: none is known. */
  readonly nextRunAt: Date | null
  /** Those that have a `lasterror`: most cannot run. */
  readonly inError: readonly {
    readonly id: string
    readonly name: string
    readonly lastError: string
  }[]
}

/**
 * The rows of `jobs`, as operations of the domain. Only rows that are enabled and active are looked at.
 * Every method may be called at any time and at once, on every instance; errors are those of the store.
 */
export interface ScheduleStore {
  /**
   * Reads, without locks, at most `limit` schedules that are due by the database's clock, or whose next
   * tick is to be computed: those behind `after`, in order.
   */
  due(request: {
    readonly limit: number
    readonly after: SchedulePosition | null
  }): Promise<DuePage>
  /**
   * The place behind `after` and `count` further schedules that are due; `null`: not so many are. Those whose next tick is
   * to be computed are not counted.
   */
  placeAhead(request: {
    readonly after: SchedulePosition
    readonly count: number
  }): Promise<SchedulePosition | null>
  /**
   * Fires ticks, all in one commit: each makes its job, unless the tick has one, and moves its schedule on,
   * both or neither. A schedule that is not any more what was read, or that somebody has locked, is passed
   * over; so is one that would fire more than `maxexecutions` times.
   * Its `overlappolicy` is heeded here: with `skip` a tick makes no job while the schedule's last one has not
   * ended; with `queue` it makes one that waits for the last, unless that one has not begun either, which then
   * counts the tick in `metadata.merged_ticks`. A tick without a job is no execution.
   */
  fire(ticks: readonly TickToFire[]): Promise<FiredTicks>
  /** Writes next ticks and errors, of the schedules that are still what was read. Returns their ids. */
  plan(plans: readonly SchedulePlan[]): Promise<readonly string[]>
  /**
   * Schedules that could not run are to be looked at again: another version of the program may run them. What
   * somebody has locked is passed over.
   */
  reopen(): Promise<void>
  /** How the schedules are, with at most `errors` of those that have a `lasterror`. */
  overview(request: { readonly errors: number }): Promise<ScheduleOverview>
}
