import type { TurnKey } from '../domain/turn.ts'
import type { TickJob } from './schedule-store.ts'

/** What people and programs set of a schedule. Times are milliseconds since 1970. */
export interface ScheduleSettings {
  readonly name: string
  readonly description: string | null
  readonly handler: string
  readonly cronExpression: string | null
  readonly intervalSeconds: number | null
  readonly timeZone: string
  readonly startAt: number | null
  readonly endAt: number | null
  readonly maxExecutions: number
  readonly enabled: boolean
  readonly condition: string | null
  readonly priority: number
  readonly maxRetries: number | null
  readonly timeoutSeconds: number | null
  readonly queue: string
  /** As it is stored: JSON text, perhaps a template. */
  readonly payload: string | null
  readonly misfirePolicy: string
  readonly overlapPolicy: string
  readonly jitterSeconds: number
  readonly tenantId: string | null
}

/** What a schedule has where nothing is said of it. */
export const SCHEDULE_DEFAULTS: Omit<ScheduleSettings, 'name' | 'handler'> = {
  description: null,
  cronExpression: null,
  intervalSeconds: null,
  timeZone: 'UTC',
  startAt: null,
  endAt: null,
  maxExecutions: 0,
  enabled: true,
  condition: null,
  priority: 0,
  maxRetries: null,
  timeoutSeconds: null,
  queue: 'default',
  payload: null,
  misfirePolicy: 'fire_once',
  overlapPolicy: 'allow',
  jitterSeconds: 0,
  tenantId: null,
}

/** A row of `jobs`, whole. */
export interface StoredSchedule extends ScheduleSettings {
  readonly id: string
  readonly active: boolean
  readonly executionCount: number
  readonly lastRunAt: number | null
  /** `null`: it is to be computed, or none is to come. */
  readonly nextRunAt: number | null
  readonly lastError: string | null
  readonly createdBy: string | null
  readonly createdAt: number
  readonly modifiedAt: number
  /** `rowversionstamp`. */
  readonly version: number
}

/** What became of a change of one row. */
export type ChangeOutcome = 'done' | 'not_found' | 'stale'

/** Schedules that one source declares. */
export interface Declaration {
  /** Who declares: a schedule that it does not declare any more was its own. */
  readonly source: string
  readonly schedules: readonly ScheduleSettings[]
  /** Whether what this source declared before and does not now is switched off. */
  readonly disableOthers: boolean
}

/** What a declaration came to, by the names of schedules. */
export interface DeclarationReport {
  readonly made: readonly string[]
  readonly changed: readonly string[]
  readonly disabled: readonly string[]
  /** Rows of these names are somebody else's, or were deleted by hand: they were left alone. */
  readonly leftAlone: readonly string[]
}

/** Jobs that were made beside the ticks. */
export interface ExtraJobs {
  readonly ids: readonly string[]
  /** Ticks that had their job already. */
  readonly existing: number
  readonly queue: string
  readonly turns: readonly TurnKey[]
}

/** The schedules as people see and change them. Errors are those of the store. */
export interface ScheduleBook {
  /** In the order of their ids, behind `after`; inactive ones are left out. */
  list(request: {
    readonly after: string | null
    readonly limit: number
  }): Promise<readonly StoredSchedule[]>
  /** By id, else by name. */
  find(idOrName: string): Promise<StoredSchedule | undefined>
  /** @throws CrossdockError `database_constraint` where the id or the name is taken */
  create(request: {
    readonly id: string
    readonly settings: ScheduleSettings
    readonly createdBy: string | null
  }): Promise<void>
  /** Changes what is given; with `version` only where the row still has it. Raises the version. */
  change(request: {
    readonly id: string
    readonly version: number | null
    readonly settings: Partial<ScheduleSettings>
  }): Promise<ChangeOutcome>
  remove(request: { readonly id: string; readonly version: number | null }): Promise<ChangeOutcome>
  /**
   * Makes jobs of a schedule beside its ticks: they count in nothing, and change nothing of the schedule. A tick
   * that has its job gets no second one. `undefined`: there is no such schedule.
   */
  makeJobs(request: {
    readonly id: string
    readonly jobs: readonly (TickJob & { readonly jobId: string; readonly tick: number })[]
  }): Promise<ExtraJobs | undefined>
  /**
   * Writes what a source declares. Changes only columns that still hold what was declared last: all others were
   * changed by somebody. All in one commit; several instances come one after the other.
   */
  declare(declaration: Declaration): Promise<DeclarationReport>
  /** The database's clock, in milliseconds since 1970. */
  now(): Promise<number>
}
