import { isCrossdockError } from '../domain/errors.ts'
import { pauseMs } from '../domain/back-off.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Conditions, PayloadTemplates } from '../ports/conditions.ts'
import type { Log } from '../ports/log.ts'
import type { FiredTicks, ScheduleStore } from '../ports/schedule-store.ts'
import type { WakeUps } from '../ports/wake-ups.ts'
import { createAside } from './aside.ts'
import { createHeldOff } from './held-off.ts'
import { createRound } from './round.ts'

/** What {@link createScheduler} needs. */
export interface SchedulerOptions {
  readonly store: { readonly schedules: ScheduleStore }
  readonly wakeUps: Pick<WakeUps, 'ready' | 'turns' | 'onSchedules'>
  readonly clock: Clock
  readonly log: Log
  /** The longest sleep, in milliseconds: by then a change is seen that nobody told of. */
  readonly checkIntervalMs: number
  /** In [0, 1). */
  readonly random: () => number
  /** What evaluates conditions; a text: why none can be, for `lasterror`. */
  readonly conditions: Conditions | string
  readonly templates: PayloadTemplates
  /** Whether this instance has a handler; left out: it runs nothing, and cannot tell. */
  readonly hasHandler?: ((name: string) => boolean) | undefined
}

/** How a scheduler is. */
export interface SchedulerStatistics {
  readonly running: boolean
  /** Jobs that it made since it was started. */
  readonly fired: number
  /** Looks in a row that failed, mostly since the database was away. */
  readonly failures: number
  /** Schedules that the database did not take a moment ago, and that are tried again later. */
  readonly heldOff: number
  /** Schedules whose condition or payload template is being evaluated. */
  readonly evaluating: number
}

/** Fires schedules. Any number of them work side by side. */
export interface Scheduler {
  start(): void
  /** Begins nothing any more, and waits for what is under way. May be called twice. */
  stop(): Promise<void>
  /** A schedule has come, changed or gone in this process. */
  wake(): void
  statistics(): SchedulerStatistics
}

/** Pauses after a failed look, and after one at schedules that others have locked; they double. In ms. */
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1_000
const LONGEST_OUTAGE_PAUSE_MS = 5_000

/**
 * Sleeps until the next due time by the database's clock, or until somebody says that a schedule was
 * changed, or for `checkIntervalMs`; then looks, and looks on until nothing is due. So it knows the next
 * due time also of what another instance has fired, should that one die.
 */
export function createScheduler(options: SchedulerOptions): Scheduler {
  const { clock, log, wakeUps, checkIntervalMs, random } = options
  let timer: Timer | undefined
  let underWay: Promise<void> | undefined
  let again = false
  let stopped = true
  let unsubscribe: (() => void) | undefined
  let reopened = false
  let reopenFailed = false
  let fired = 0
  let failures = 0
  let blocked = 0

  const heldOff = createHeldOff(clock)
  const { conditions, templates } = options
  const aside = createAside({
    parts: { store: options.store.schedules, log, heldOff },
    conditions: typeof conditions === 'string' ? undefined : conditions,
    templates,
    clock,
    log,
    onFired,
    onWritten: () => {
      wake()
    },
  })
  const round = createRound({
    ...options,
    heldOff,
    aside,
    moment: {
      conditions: typeof conditions === 'string' ? conditions : true,
      hasHandler: options.hasHandler,
      random,
    },
    isStopped: () => stopped,
    onFired,
  })

  /** At once: what is committed must be told of, whatever becomes of the rest. */
  function onFired({ jobs, queues, turns }: FiredTicks): void {
    fired += jobs
    if (queues.length > 0) wakeUps.ready([...new Set(queues)])
    if (turns.length > 0) wakeUps.turns(turns)
  }

  function wake(): void {
    if (stopped) return
    if (underWay !== undefined) {
      again = true
      return
    }
    timer?.cancel()
    again = false
    underWay = look().then((sleepMs) => {
      underWay = undefined
      if (!stopped) timer = clock.after(again ? 0 : sleepMs, wake)
    })
  }

  /** One look. Never rejects; says how long to sleep, in milliseconds. */
  async function look(): Promise<number> {
    try {
      await reopenOnce()
      const { found, done, nextDueInMs } = await round()
      if (failures > 0) log.info({}, 'schedules are looked at again')
      failures = 0
      const nextMs = Math.min(checkIntervalMs, Math.ceil(nextDueInMs ?? checkIntervalMs))
      if (found === 0) {
        blocked = 0
        return nextMs
      }
      blocked = done > 0 ? 0 : blocked + 1
      // Others are firing them, or a person has them locked.
      return done > 0 ? 0 : Math.min(nextMs, pause(blocked, LONGEST_PAUSE_MS))
    } catch (error) {
      failures += 1
      const level = failures === 1 ? 'warn' : 'debug'
      log[level]({ err: error }, 'schedules could not be looked at; they are tried again')
      return pause(failures, LONGEST_OUTAGE_PAUSE_MS)
    }
  }

  /** What keeps those that could not run from being looked at again keeps nothing else from firing. */
  async function reopenOnce(): Promise<void> {
    if (reopened) return
    try {
      await options.store.schedules.reopen()
      reopened = true
    } catch (error) {
      if (isCrossdockError(error, 'database_unavailable')) throw error
      if (!reopenFailed) {
        log.warn({ err: error }, 'schedules that could not run are not looked at again yet')
      }
      reopenFailed = true
    }
  }

  /** From half of it to the whole, so that instances do not keep in step. */
  function pause(times: number, longestMs: number): number {
    return pauseMs({ firstMs: FIRST_PAUSE_MS, longestMs }, times) * (0.5 + random() / 2)
  }

  return {
    start: () => {
      if (!stopped) return
      stopped = false
      unsubscribe = wakeUps.onSchedules(wake)
      wake()
    },
    stop: async () => {
      stopped = true
      unsubscribe?.()
      timer?.cancel()
      await Promise.all([underWay, aside.stop()])
    },
    wake,
    statistics: () => ({
      running: !stopped,
      fired,
      failures,
      heldOff: heldOff.size(),
      evaluating: aside.size(),
    }),
  }
}
