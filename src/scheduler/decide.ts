import { errorMessage } from '../domain/errors.ts'
import type { ScheduleDefinition } from '../domain/schedule.ts'
import { ticksBetween, type Ticks } from '../domain/ticks.ts'
import type { DueSchedule, NextTick, SchedulePlan, TickToFire } from '../ports/schedule-store.ts'
import { ticksOf } from './ticks-of.ts'

/** What is to be done with a schedule that is due, or whose next tick is to be computed. */
export type Decision =
  | { readonly kind: 'fire'; readonly tick: TickToFire }
  | { readonly kind: 'plan'; readonly plan: SchedulePlan }

/** When it is decided. */
export interface Moment {
  /** The database's clock. */
  readonly now: number
  /** How late a change of a row may be seen: its first tick may lie so far back. In milliseconds. */
  readonly noticeMs: number
}

/**
 * Decides by the schedule's row and the database's clock alone. A row whose times no calendar has is in
 * error, whatever was thrown over it: it must not keep the others from firing.
 */
export function decide(schedule: DueSchedule, moment: Moment): Decision {
  try {
    return decided(schedule, moment)
  } catch (error) {
    return plan(schedule, 'never', `its ticks cannot be computed: ${errorMessage(error)}`)
  }
}

function decided(schedule: DueSchedule, { now, noticeMs }: Moment): Decision {
  const { definition, dueAt } = schedule
  const found = ticksOf(schedule.id, definition)
  if ('problem' in found) return plan(schedule, 'never', found.problem)
  const ticks = ticksBetween(found.ticks, definition)
  const spent = isSpent(definition, 0)
  if (!spent && dueAt !== null && Number.isFinite(dueAt)) return fire(schedule, dueAt, ticks, now)
  // Of what fell due between the change and this look nothing is lost; of what fell due before, while
  // no instance may have been running, nothing is made up for.
  const since = Math.min(now, Math.max(schedule.changedAt, now - noticeMs))
  const next = spent ? 'never' : (ticks.after(since) ?? 'never')
  const unbounded = { startAt: definition.startAt, endAt: null }
  if (next === 'never' && ticksBetween(found.ticks, unbounded).after(since) === undefined) {
    return plan(schedule, next, 'no tick of it is left: such a time does not come within 50 years')
  }
  return plan(schedule, next, null)
}

/**
 * Of ticks that were missed the latest fires, once. A time that is no tick was written by somebody, who
 * wants it to fire: it stands for a tick where none has come since.
 */
function fire(schedule: DueSchedule, dueAt: number, ticks: Ticks, now: number): Decision {
  // The clock is read before the rows: a tick may be due that lies after it.
  const following = ticks.after(Math.max(now, dueAt)) ?? 'never'
  const latest = ticks.notAfter(now) ?? dueAt
  const tick = latest > dueAt ? latest : 'due'
  const next = isSpent(schedule.definition, 1) ? 'never' : following
  return { kind: 'fire', tick: { schedule, tick, next } }
}

/** Whether it has fired as often as it may, once `more` ticks have fired. */
function isSpent({ maxExecutions, executionCount }: ScheduleDefinition, more: number): boolean {
  return maxExecutions > 0 && executionCount + more >= maxExecutions
}

function plan(schedule: DueSchedule, next: NextTick, error: string | null): Decision {
  return { kind: 'plan', plan: { schedule, next, error } }
}
