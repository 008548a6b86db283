import { performance } from 'node:perf_hooks'
import type { Clock } from '../ports/clock.ts'

/** The clock of the machine. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs).unref()
    return {
      cancel: () => {
        clearTimeout(timer)
      },
    }
  },
}
