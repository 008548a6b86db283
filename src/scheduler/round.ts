import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type {
  DuePage,
  SchedulePlan,
  SchedulePosition,
  ScheduleStore,
  TickToFire,
} from '../ports/schedule-store.ts'
import type { WakeUps } from '../ports/wake-ups.ts'
import { decide } from './decide.ts'
import { fireTicks, planTicks } from './fire.ts'
import type { HeldOff } from './held-off.ts'

/** What a round needs. */
export interface RoundOptions {
  readonly store: { readonly schedules: ScheduleStore }
  readonly wakeUps: Pick<WakeUps, 'ready'>
  readonly log: Log
  readonly clock: Clock
  readonly heldOff: HeldOff
  readonly checkIntervalMs: number
  readonly isStopped: () => boolean
  /** Told how many jobs a batch made. */
  readonly onFired: (jobs: number) => void
}

/** What a round came to. */
export interface RoundResult {
  /** Schedules that were to be looked at. */
  readonly found: number
  /** Of these, those that were fired or written; others had them, or somebody has them locked. */
  readonly done: number
  readonly nextDueInMs: number | null
}

/** Schedules of one transaction: some milliseconds of it. */
const BATCH = 250

/** A batch with much that the database refuses goes on in the next round: others are due. In milliseconds. */
const BATCH_LIMIT_MS = 500

/** A change that was announced is seen at once; the rest is for a slow database. In milliseconds. */
const NOTICE_SLACK_MS = 5_000

/** A function that looks once at everything that is due, batch by batch, and fires it. */
export function createRound(options: RoundOptions): () => Promise<RoundResult> {
  const { wakeUps, log, clock, heldOff, isStopped, onFired } = options
  const { schedules: store } = options.store
  const noticeMs = options.checkIntervalMs + NOTICE_SLACK_MS

  async function work({ now, schedules }: DuePage): Promise<number> {
    const plans: SchedulePlan[] = []
    const ticks: TickToFire[] = []
    const until = clock.monotonicMs() + BATCH_LIMIT_MS
    const isOver = (): boolean => isStopped() || clock.monotonicMs() > until
    const parts = { store, log, heldOff, isOver }
    for (const schedule of schedules) {
      if (heldOff.has(schedule)) continue
      const decision = decide(schedule, { now, noticeMs })
      if (decision.kind === 'fire') ticks.push(decision.tick)
      else plans.push(decision.plan)
    }
    const planned = await planTicks(parts, plans)
    const written = new Set(planned)
    for (const { schedule, error: reason } of plans) {
      // Of several instances, the one that wrote it.
      if (reason === null || !written.has(schedule.id)) continue
      log.warn({ schedule: schedule.id, reason }, 'a schedule cannot run until it is changed')
    }
    const moved = await fireTicks(parts, ticks, ({ jobs, queues }) => {
      // At once: what is committed must be told of, whatever becomes of the rest.
      if (queues.length > 0) wakeUps.ready([...new Set(queues)])
      onFired(jobs)
    })
    return planned.length + moved
  }

  return async function round() {
    let after: SchedulePosition | null = null
    let found = 0
    let done = 0
    for (;;) {
      const page: DuePage = await store.due({ limit: BATCH, after })
      found += page.schedules.length
      done += await work(page)
      const last = page.schedules.at(-1)
      if (last === undefined || page.schedules.length < BATCH || isStopped()) {
        return { found, done, nextDueInMs: page.nextDueInMs }
      }
      after = { id: last.id, nextRunAt: last.version.nextRunAt }
    }
  }
}
