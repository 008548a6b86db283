import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type {
  DuePage,
  DueSchedule,
  FiredTicks,
  SchedulePlan,
  SchedulePosition,
  ScheduleStore,
  TickToFire,
} from '../ports/schedule-store.ts'
import type { Aside } from './aside.ts'
import { decide, type DecidedTicks, type Moment } from './decide.ts'
import { fireTicks, planTicks } from './fire.ts'
import type { HeldOff } from './held-off.ts'

/** What a round needs. */
export interface RoundOptions {
  readonly store: { readonly schedules: ScheduleStore }
  readonly log: Log
  readonly clock: Clock
  readonly heldOff: HeldOff
  readonly checkIntervalMs: number
  readonly isStopped: () => boolean
  /** Where schedules with a condition or a template go. */
  readonly aside: Pick<Aside, 'has' | 'take'>
  readonly moment: Omit<Moment, 'now' | 'noticeMs'>
  /** Told of each commit at once. */
  readonly onFired: (fired: FiredTicks) => void
}

/** What a round came to. */
export interface RoundResult {
  /** Schedules that were to be looked at, without those that went aside. */
  readonly found: number
  /** Of these, those that were fired or written; others had them, or somebody has them locked. */
  readonly done: number
  readonly nextDueInMs: number | null
}

/** Schedules of one transaction: some milliseconds of it. */
const BATCH = 250

/** A batch with much that the database refuses goes on in the next round: others are due. In milliseconds. */
const BATCH_LIMIT_MS = 500

/**
 * Others fire the same batch just now, and would be met again at the next: an instance goes on somewhere further on, within
 * so many batches. What it passes over it comes to in the next round, if nobody has fired it by then.
 */
const MAX_JUMP = 8

/** A change that was announced is seen at once; the rest is for a slow database. In milliseconds. */
const NOTICE_SLACK_MS = 5_000

/** A function that looks once at everything that is due, batch by batch, and fires it. */
export function createRound(options: RoundOptions): () => Promise<RoundResult> {
  const { log, clock, heldOff, aside, isStopped, onFired } = options
  const { schedules: store } = options.store
  const noticeMs = options.checkIntervalMs + NOTICE_SLACK_MS

  async function work({ now, schedules }: DuePage): Promise<Omit<RoundResult, 'nextDueInMs'>> {
    const plans: SchedulePlan[] = []
    const ticks: TickToFire[] = []
    const until = clock.monotonicMs() + BATCH_LIMIT_MS
    const isOver = (): boolean => isStopped() || clock.monotonicMs() > until
    const parts = { store, log, heldOff, isOver }
    let apart = 0
    for (const schedule of schedules) {
      if (aside.has(schedule.id)) apart += 1
      else if (!heldOff.has(schedule)) {
        const decision = decide(schedule, { ...options.moment, now, noticeMs })
        if (decision.kind === 'plan') plans.push(decision.plan)
        else if (isPlain(decision.tick)) ticks.push(decision.tick)
        else {
          aside.take(decision.tick, now)
          apart += 1
        }
      }
    }
    const planned = await planTicks(parts, plans)
    tellOfErrors(log, schedules, plans, new Set(planned))
    const moved = await fireTicks(parts, ticks, onFired)
    return { found: schedules.length - apart, done: planned.length + moved }
  }

  /** Where to go on behind a batch that others had. */
  async function jump(after: SchedulePosition): Promise<SchedulePosition | null> {
    const batches = 1 + Math.floor(options.moment.random() * MAX_JUMP)
    return await store.placeAhead({ after, count: batches * BATCH })
  }

  /** One walk over what is due. */
  async function walk(mayJump: boolean): Promise<RoundResult & { readonly jumped: boolean }> {
    let after: SchedulePosition | null = null
    let found = 0
    let done = 0
    let jumped = false
    let isFarFromEnd = mayJump
    for (;;) {
      const page: DuePage = await store.due({ limit: BATCH, after })
      const result = await work(page)
      found += result.found
      done += result.done
      const last = page.schedules.at(-1)
      if (last === undefined || page.schedules.length < BATCH || isStopped()) {
        return { found, done, nextDueInMs: page.nextDueInMs, jumped }
      }
      after = { id: last.id, nextRunAt: last.version.nextRunAt }
      if (isFarFromEnd && after.nextRunAt !== null && result.done < result.found / 2) {
        const ahead = await jump(after)
        isFarFromEnd = ahead !== null
        jumped ||= isFarFromEnd
        after = ahead ?? after
      }
    }
  }

  return async function round() {
    const result = await walk(true)
    // What was passed over may be free, and then nobody is to wait for those who hold the rest.
    return result.jumped && result.done === 0 && !isStopped() ? await walk(false) : result
  }
}

function isPlain({ condition, template }: DecidedTicks): boolean {
  return condition === undefined && template === undefined
}

/** Of several instances, the one that wrote it says so; and once for the same reason. */
function tellOfErrors(
  log: Log,
  schedules: readonly DueSchedule[],
  plans: readonly SchedulePlan[],
  written: ReadonlySet<string>,
): void {
  const former = new Map(schedules.map(({ id, lastError }) => [id, lastError]))
  for (const { schedule, next, error: reason } of plans) {
    if (reason === null || !written.has(schedule.id)) continue
    if (next === 'never') {
      log.warn({ schedule: schedule.id, reason }, 'a schedule cannot run until it is changed')
    } else if (former.get(schedule.id) !== reason) {
      log.warn({ schedule: schedule.id, reason }, 'something is amiss with a schedule')
    }
  }
}
