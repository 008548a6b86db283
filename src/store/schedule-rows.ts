import type { DueSchedule } from '../ports/schedule-store.ts'

/** What `nextrunat` has where no tick is to come: the row is over, or cannot run. No tick is so late. */
export const NEVER = '9999-12-31 00:00:00'

/** How a dialect writes what it gives of a time. */
export interface TimeExpressions {
  /** As text, exact. */
  readonly text: (column: string) => string
  /** Milliseconds since 1970: the whole ones before the time, or those that are not before it. */
  readonly floorMs: (column: string) => string
  readonly ceilMs: (column: string) => string
  readonly quote: (column: string) => string
}

/** The columns of {@link ScheduleRow}. Bounds are rounded inwards, so that no tick lies outside. */
export function scheduleColumns({ text, floorMs, ceilMs, quote }: TimeExpressions): string {
  return `id, name, handler, lasterror, CASE WHEN payload LIKE '%{{%' THEN payload END AS template, cronexpression, intervalseconds, timezone, ${ceilMs('startat')} AS startat,
    ${floorMs('endat')} AS endat, ${ceilMs('createdon')} AS createdon, maxexecutions, executioncount,
    ${quote('condition')} AS ${quote('condition')}, misfirepolicy, overlappolicy, jitterseconds,
    ${floorMs('nextrunat')} AS dueat, ${floorMs('modifiedon')} AS changedat,
    ${text('nextrunat')} AS nextrunat, ${text('modifiedon')} AS modifiedon`
}

/** Milliseconds, as a driver gives them. */
type Ms = number | string

/** A row of `jobs`, as far as its ticks need it. */
export interface ScheduleRow {
  readonly id: string
  readonly name: string
  readonly handler: string
  readonly lasterror: string | null
  readonly template: string | null
  readonly cronexpression: string | null
  readonly intervalseconds: number | null
  readonly timezone: string
  readonly startat: Ms | null
  readonly endat: Ms | null
  readonly createdon: Ms
  readonly maxexecutions: number
  readonly executioncount: number
  readonly condition: string | null
  readonly misfirepolicy: string
  readonly overlappolicy: string
  readonly jitterseconds: number
  readonly dueat: Ms | null
  readonly changedat: Ms
  readonly nextrunat: string | null
  readonly modifiedon: string
}

/** A schedule of the domain. */
export function scheduleOf(row: ScheduleRow): DueSchedule {
  return {
    id: row.id,
    name: row.name,
    handler: row.handler,
    template: row.template,
    lastError: row.lasterror,
    version: { nextRunAt: row.nextrunat, modifiedOn: row.modifiedon },
    dueAt: row.dueat === null ? null : Number(row.dueat),
    changedAt: Number(row.changedat),
    definition: {
      cronExpression: row.cronexpression,
      intervalSeconds: row.intervalseconds,
      timeZone: row.timezone,
      startAt: row.startat === null ? null : Number(row.startat),
      endAt: row.endat === null ? null : Number(row.endat),
      createdAt: Number(row.createdon),
      maxExecutions: row.maxexecutions,
      executionCount: row.executioncount,
      condition: row.condition,
      misfirePolicy: row.misfirepolicy,
      overlapPolicy: row.overlappolicy,
      jitterSeconds: row.jitterseconds,
    },
  }
}

/** An instant as both databases read it, in a session whose zone is UTC. */
export function timeText(instant: number): string {
  return new Date(instant).toISOString().replace('T', ' ').replace('Z', '')
}

/** The lane in which the jobs of a schedule wait for each other, as its `orderingkey`, where its overlap policy is `queue`. */
export const LANE_PREFIX = 'schedule:'
