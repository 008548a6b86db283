import { performance } from 'node:perf_hooks'
import type { Clock } from '../ports/clock.ts'

/** The longest delay of a timer; a longer one would fire at once. */
const MAX_DELAY_MS = 2_147_483_647

/** The clock of the machine. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, Math.min(delayMs, MAX_DELAY_MS)).unref()
    return {
      cancel: () => {
        clearTimeout(timer)
      },
    }
  },
}
