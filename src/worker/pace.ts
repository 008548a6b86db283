import type { Clock } from '../ports/clock.ts'

/** How fast the workers of a pool finish jobs. */
export interface Pace {
  /** One more has ended. */
  finished(): void
  /** How many jobs a claim may bring for a pool with so many free workers. */
  claimLimit(free: number): number
}

/** Jobs of one claim, at most. */
const MAX_CLAIM = 500

/** A claim takes at most what the workers finished in this time. */
const WINDOW_MS = 500

/** Ends this close together are counted as one entry. */
const ENTRY_MS = 20

/** What is claimed and not begun is missing elsewhere: a claim takes what will begin within the window. */
export function createPace(clock: Clock): Pace {
  const entries: { at: number; count: number }[] = []
  return {
    finished: () => {
      const now = clock.monotonicMs()
      const last = entries.at(-1)
      if (last !== undefined && now - last.at < ENTRY_MS) last.count += 1
      else entries.push({ at: now, count: 1 })
    },
    claimLimit: (free) => {
      // Forgotten here and not when something finishes: after a burst, workers that are all busy would
      // otherwise claim as many again and again, and keep them from others.
      const since = clock.monotonicMs() - WINDOW_MS
      while (entries[0] !== undefined && entries[0].at < since) entries.shift()
      const recently = entries.reduce((sum, { count }) => sum + count, 0)
      return Math.min(MAX_CLAIM, Math.max(free, recently))
    },
  }
}
