import type { LeaseTable } from './lease-table.ts'

/** How long the main thread has not answered. */
export interface Silence {
  /** To be called at every tick. Returns for how long the main thread has been silent by now. */
  tick(now: number): number
}

/**
 * Adds up the time in which this thread ran and the main thread did not answer. A process that was
 * stopped and goes on (SIGSTOP, a suspended machine) has been silent as a whole, which says nothing about
 * its main thread: of a gap between two ticks at most `maxGapMs` is counted. A thread that somebody debugs
 * is never silent.
 */
export function createSilence(table: LeaseTable, maxGapMs: number): Silence {
  let beats = table.beats
  let lastTick: number | undefined
  let silentMs = 0
  return {
    tick: (now) => {
      const passed = lastTick === undefined ? 0 : Math.min(now - lastTick, maxGapMs)
      lastTick = now
      if (table.beats !== beats || table.debugged) {
        beats = table.beats
        silentMs = 0
      } else {
        silentMs += passed
      }
      return silentMs
    },
  }
}
