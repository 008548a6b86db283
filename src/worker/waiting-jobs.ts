import type { Clock, Timer } from '../ports/clock.ts'
import type { GiveBack } from './give-back.ts'
import type { HeldJob } from './held.ts'

/** Claimed jobs of a pool that wait for a free worker, in order. */
export interface WaitingJobs {
  add(job: HeldJob): void
  next(): HeldJob | undefined
  size(): number
  /** From now on those that wait for too long are given back. */
  watch(): void
  /** Gives all of them back. */
  giveBackAll(): void
  /** Watches no longer. */
  unwatch(): void
}

/** What was claimed and has not begun within this time is given back. */
const WAITING_LIMIT_MS = 2_000

/** None yet. */
export function createWaitingJobs(clock: Clock, giveBack: GiveBack): WaitingJobs {
  let waiting: HeldJob[] = []
  let timer: Timer | undefined

  function watch(): void {
    timer ??= clock.after(WAITING_LIMIT_MS, () => {
      timer = undefined
      const limit = clock.monotonicMs() - WAITING_LIMIT_MS
      const stale = waiting.filter((each) => each.since <= limit)
      if (stale.length > 0) {
        waiting = waiting.filter((each) => each.since > limit)
        giveBack(stale)
      }
      if (waiting.length > 0) watch()
    })
  }

  return {
    add: (job) => {
      waiting.push(job)
    },
    next: () => waiting.shift(),
    size: () => waiting.length,
    watch,
    giveBackAll: () => {
      giveBack(waiting.splice(0))
    },
    unwatch: () => {
      timer?.cancel()
    },
  }
}
