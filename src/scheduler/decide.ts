import { errorMessage } from '../domain/errors.ts'
import { hasCondition, type ScheduleDefinition } from '../domain/schedule.ts'
import { ticksBetween, type Ticks } from '../domain/ticks.ts'
import type { DueSchedule, NextTick, SchedulePlan, TickJob } from '../ports/schedule-store.ts'
import { dueTicks } from './misfire.ts'
import { ticksOf } from './ticks-of.ts'

/** What is to be done with a schedule that is due, or whose next tick is to be computed. */
export type Decision =
  | { readonly kind: 'fire'; readonly tick: DecidedTicks }
  | { readonly kind: 'plan'; readonly plan: SchedulePlan }

/** Ticks that are to be fired, once the condition holds and the payload is made. */
export interface DecidedTicks {
  readonly schedule: DueSchedule
  readonly jobs: readonly TickJob[]
  readonly next: NextTick
  readonly note?: string | undefined
  /** SQL that must hold first. */
  readonly condition?: string | undefined
  /** The payload, which holds expressions. */
  readonly template?: string | undefined
}

/** When it is decided, and by whom. */
export interface Moment {
  /** The database's clock. */
  readonly now: number
  /** How late a change of a row may be seen: its first tick may lie so far back. In milliseconds. */
  readonly noticeMs: number
  /** Whether conditions can be evaluated; a text: why not. */
  readonly conditions: true | string
  /** Whether this instance has a handler of this name; left out: it cannot tell. */
  readonly hasHandler?: ((name: string) => boolean) | undefined
  /** In [0, 1), for jitter. */
  readonly random: () => number
}

/** Ticks of one schedule that one commit fires, where all that were missed are to fire. */
const MAX_AT_ONCE = 50

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

function decided(schedule: DueSchedule, moment: Moment): Decision {
  const { definition, dueAt } = schedule
  const found = ticksOf(schedule.id, definition)
  if ('problem' in found) return plan(schedule, 'never', found.problem)
  if (schedule.handler === '') {
    return plan(schedule, 'never', 'handler is empty: give the name of a handler')
  }
  if (hasCondition(definition) && moment.conditions !== true) {
    return plan(schedule, 'never', moment.conditions)
  }
  const ticks = ticksBetween(found.ticks, definition)
  const room = roomOf(definition)
  const note = noteOf(schedule, moment)
  if (room > 0 && dueAt !== null && Number.isFinite(dueAt)) {
    return fire({ schedule, dueAt, ticks, room, note, moment })
  }
  // Of what fell due between the change and this look nothing is lost; of what fell due before, while
  // no instance may have been running, nothing is made up for.
  const { now, noticeMs } = moment
  const since = Math.min(now, Math.max(schedule.changedAt, now - noticeMs))
  const next = room === 0 ? 'never' : (ticks.after(since) ?? 'never')
  const unbounded = { startAt: definition.startAt, endAt: null }
  if (next === 'never' && ticksBetween(found.ticks, unbounded).after(since) === undefined) {
    return plan(schedule, next, 'no tick of it is left: such a time does not come within 50 years')
  }
  return plan(schedule, next, next === 'never' ? null : (note ?? null))
}

function fire(options: {
  readonly schedule: DueSchedule
  readonly dueAt: number
  readonly ticks: Ticks
  readonly room: number
  readonly note: string | undefined
  readonly moment: Moment
}): Decision {
  const { schedule, dueAt, ticks, room, note, moment } = options
  const { definition, template } = schedule
  const condition = hasCondition(definition) ? (definition.condition ?? undefined) : undefined
  // Each of these looks at what became of the tick before.
  const oneByOne = condition !== undefined || definition.overlapPolicy !== 'allow'
  const due = dueTicks(ticks, {
    policy: definition.misfirePolicy,
    dueAt,
    now: moment.now,
    graceMs: moment.noticeMs,
    most: oneByOne ? 1 : Math.min(room, MAX_AT_ONCE),
  })
  if (due.fires.length === 0) return plan(schedule, due.next, note ?? null)
  const jobs = due.fires.map((tick) => ({ tick, ...jitterOf(definition, moment) }))
  return {
    kind: 'fire',
    tick: { schedule, jobs, next: due.next, note, condition, template: template ?? undefined },
  }
}

/** How many ticks may still fire. */
function roomOf({ maxExecutions, executionCount }: ScheduleDefinition): number {
  return maxExecutions === 0 ? Infinity : Math.max(0, maxExecutions - executionCount)
}

/** The tick itself stays where it is: only its job begins later. */
function jitterOf(
  { jitterSeconds }: ScheduleDefinition,
  { random }: Moment,
): Pick<TickJob, 'delayMs'> {
  return jitterSeconds === 0 ? {} : { delayMs: Math.round(random() * jitterSeconds * 1000) }
}

/** Another instance may have the handler: its jobs are made, and wait. */
function noteOf({ handler }: DueSchedule, { hasHandler }: Moment): string | undefined {
  if (hasHandler === undefined || hasHandler(handler)) return undefined
  return `no handler '${handler}' is known where it was looked at last: its jobs wait for an instance that has one`
}

function plan(schedule: DueSchedule, next: NextTick, error: string | null): Decision {
  return { kind: 'plan', plan: { schedule, next, error } }
}
