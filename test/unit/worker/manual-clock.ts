import type { Clock } from '../../../src/ports/clock.ts'

/** A clock that a test drives by hand. */
export interface ManualClock extends Clock {
  /** Lets time pass: what is due runs in order, and everything that follows from it by promises. */
  advance(ms: number): Promise<void>
  /** Time passes and nothing runs, as while the event loop is blocked. */
  standStill(ms: number): void
  /** Timers that have not run. */
  pending(): number
}

interface Due {
  readonly at: number
  readonly run: () => void
}

/** Lets every promise go on that can. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve()
}

/** Starts at a time of no meaning. */
export function manualClock(start = 1_000): ManualClock {
  let now = start
  const timers = new Set<Due>()
  return {
    monotonicMs: () => now,
    after: (delayMs, run) => {
      const timer = { at: now + delayMs, run }
      timers.add(timer)
      return {
        cancel: () => {
          timers.delete(timer)
        },
      }
    },
    advance: async (ms) => {
      const end = now + ms
      await settled()
      for (;;) {
        const [next] = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
        if (next === undefined) break
        timers.delete(next)
        now = Math.max(now, next.at)
        next.run()
        await settled()
      }
      now = end
      await settled()
    },
    standStill: (ms) => {
      now += ms
    },
    pending: () => timers.size,
  }
}
