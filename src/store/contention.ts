import { setTimeout as delay } from 'node:timers/promises'
import type { ContentionStatistics } from '../ports/contention.ts'

/** What kept a statement from rows that somebody else held, as the server reported it. */
export type Contention = 'deadlock' | 'serialization_failure' | 'lock_timeout'

/** How often something is made again. */
const REPEATS = 8

/** The longest pause before the first repeat, in milliseconds; it doubles, up to 64-fold. */
const PAUSE_MS = 2

/** Deals with what the statements of one store meet, and counts it. */
export interface ContentionGuard {
  /**
   * Makes something again that the server has undone for a deadlock or a serialization failure: it picks
   * one of two that stand in each other's way, and the other one has gone on by then. Waits for a lock
   * that run out are counted and not repeated: who holds a row for that long holds it longer.
   * @param work is one statement that commits by itself, or a whole transaction, and must not have kept
   *   anything of a run that failed
   */
  repeated<T>(work: () => Promise<T>): Promise<T>
  /** What was counted since the store was opened. */
  statistics(): ContentionStatistics
}

/** A guard for a dialect, which knows its own errors, translated or not. */
export function createContentionGuard(
  contentionOf: (error: unknown) => Contention | undefined,
): ContentionGuard {
  let deadlocksRetried = 0
  let serializationFailures = 0
  let lockTimeouts = 0

  /** Whether the server has undone the work and it may be made again. */
  function count(error: unknown, isLast: boolean): boolean {
    switch (contentionOf(error)) {
      case 'deadlock':
        if (!isLast) deadlocksRetried += 1
        return true
      case 'serialization_failure':
        serializationFailures += 1
        return true
      case 'lock_timeout':
        lockTimeouts += 1
        return false
      case undefined:
        return false
    }
  }

  return {
    repeated: async (work) => {
      for (let repeat = 0; ; repeat += 1) {
        try {
          return await work()
        } catch (error) {
          const isLast = repeat === REPEATS
          if (!count(error, isLast) || isLast) throw error
          await delay(Math.random() * PAUSE_MS * 2 ** Math.min(repeat, 6))
        }
      }
    },
    statistics: () => ({ deadlocksRetried, serializationFailures, lockTimeouts }),
  }
}
