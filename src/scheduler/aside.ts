import { errorMessage, isCrossdockError } from '../domain/errors.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Conditions, PayloadTemplates } from '../ports/conditions.ts'
import type { Log } from '../ports/log.ts'
import type { FiredTicks, SchedulePlan, TickJob, TickToFire } from '../ports/schedule-store.ts'
import type { DecidedTicks } from './decide.ts'
import { fireTicks, planTicks, type WriteParts } from './fire.ts'
import { createLanes } from './lanes.ts'

/** What {@link createAside} needs. */
export interface AsideOptions {
  readonly parts: Omit<WriteParts, 'isOver'>
  /** Left out: nothing with a condition, or a template, is ever given to it. */
  readonly conditions: Conditions | undefined
  readonly templates: PayloadTemplates | undefined
  readonly clock: Clock
  readonly log: Log
  readonly onFired: (fired: FiredTicks) => void
  /** Told, once in a while, that schedules have been written: their next ticks are to be known. */
  readonly onWritten: () => void
}

/** Schedules whose condition or template is being evaluated, beside the rounds that fire all others. */
export interface Aside {
  /** Whether this schedule is under way. */
  has(id: string): boolean
  size(): number
  /** Takes one in; `now` is the database's clock. */
  take(ticks: DecidedTicks, now: number): void
  /** Begins nothing any more, and waits for what is under way. May be called twice. */
  stop(): Promise<void>
}

/** Many small ones that end one after the other are told of together. In milliseconds. */
const TELL_MS = 100

/** Evaluates conditions and templates, and fires, each schedule by itself: what one does or waits for keeps no other. */
export function createAside(options: AsideOptions): Aside {
  const { conditions, templates, clock, log, onFired, onWritten } = options
  const underWay = new Map<string, Promise<void>>()
  const lanes = createLanes()
  let stopped = false
  let timer: Timer | undefined

  const parts: WriteParts = { ...options.parts, isOver: () => false }

  async function work(ticks: DecidedTicks, now: number): Promise<void> {
    const { schedule, condition } = ticks
    if (condition !== undefined && conditions !== undefined) {
      const result = await lanes.run(schedule.id, async () =>
        stopped ? undefined : await conditions.evaluate(condition),
      )
      if (result === undefined || stopped) return
      if (result.kind === 'failed') {
        await lose(ticks, `its condition failed: ${result.reason}`)
        return
      }
      if (!result.holds) {
        await pass(ticks, ticks.note ?? null)
        return
      }
    }
    const jobs = await rendered(ticks, now)
    if (jobs === undefined || stopped) return
    if (typeof jobs === 'string') {
      await lose(ticks, jobs)
      return
    }
    const { next, note } = ticks
    await fireTicks(parts, [{ schedule, jobs, next, note } satisfies TickToFire], onFired)
  }

  /** The jobs with their payloads; a text: why not; `undefined`: it cannot be told now. */
  async function rendered(
    { schedule, jobs, template }: DecidedTicks,
    now: number,
  ): Promise<readonly TickJob[] | string | undefined> {
    if (template === undefined || templates === undefined) return jobs
    const { id, name, definition, dueAt } = schedule
    try {
      return await Promise.all(
        jobs.map(async (job, index) => ({
          ...job,
          payload: await templates.render(template, {
            scheduledFor: job.tick === 'due' ? (dueAt ?? now) : job.tick,
            now,
            schedule: {
              id,
              name,
              executions: definition.executionCount + index,
              timezone: definition.timeZone,
            },
          }),
        })),
      )
    } catch (error) {
      if (!isCrossdockError(error) || !error.retryable) {
        return `its payload cannot be made: ${errorMessage(error)}`
      }
      options.parts.heldOff.add(schedule)
      return undefined
    }
  }

  /** The tick makes no job, and its row says why. */
  async function lose(ticks: DecidedTicks, reason: string): Promise<void> {
    const { id, lastError } = ticks.schedule
    const written = await pass(ticks, reason)
    // Of several instances the one that wrote it, and once for the same reason.
    if (written && lastError !== reason) {
      log.warn({ schedule: id, reason }, 'a tick made no job')
    }
  }

  async function pass({ schedule, next }: DecidedTicks, error: string | null): Promise<boolean> {
    const plan: SchedulePlan = { schedule, next, error }
    return (await planTicks(parts, [plan])).length > 0
  }

  function tell(): void {
    if (stopped) return
    if (underWay.size === 0) {
      timer?.cancel()
      timer = undefined
      onWritten()
      return
    }
    timer ??= clock.after(TELL_MS, () => {
      timer = undefined
      if (!stopped) onWritten()
    })
  }

  return {
    has: (id) => underWay.has(id),
    size: () => underWay.size,
    take: (ticks, now) => {
      const { id } = ticks.schedule
      if (stopped || underWay.has(id)) return
      const done = work(ticks, now)
        .catch((error: unknown) => {
          // The row is what it was: the next look takes it again.
          options.parts.heldOff.add(ticks.schedule)
          log.debug({ schedule: id, err: error }, 'a tick could not be fired; it is tried again')
        })
        .finally(() => {
          underWay.delete(id)
          tell()
        })
      underWay.set(id, done)
    },
    stop: async () => {
      stopped = true
      timer?.cancel()
      await Promise.all(underWay.values())
    },
  }
}
