import { turnName, type TurnKey } from '../domain/turn.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { GivenTurns } from '../ports/given-turns.ts'
import type { Store } from '../ports/store.ts'
import type { WakeUps } from '../ports/wake-ups.ts'
import { createGroup } from './group.ts'

/** Gives the turns of ordering keys. */
export interface TurnGiver {
  start(): void
  /** Gives what was asked for before, and nothing more. May be called twice. */
  stop(): Promise<void>
}

/** What {@link createTurnGiver} needs. */
export interface TurnGiverOptions {
  readonly store: Pick<Store, 'giveTurns' | 'walkTurns' | 'lateTurns'>
  readonly wakeUps: WakeUps
  readonly clock: Clock
  readonly log: Log
}

/** Lanes of one statement. */
const MAX_GROUP = 500

/** A sweep so often, in milliseconds. */
const SWEEP_MS = 1_000

/** What one step along all lanes reads: lanes on PostgreSQL, entries of lanes on MySQL. */
const WALK_LIMIT = 2_000

/** Steps of a sweep, at most: the next one goes on where it ended. */
const WALK_STEPS = 5

/** Rows of one look at those who came lately. */
const LATE_LIMIT = 2_000

/** Looks of one sweep, at most. */
const LATE_LOOKS = 20

/**
 * Gives turns where somebody says that they may be free: after an insert, an end, a wait that is over. What
 * nobody says is found by a sweep each second: those who came lately, by plain INSERTs of other programs; and
 * a part of all lanes, in turn, for what a crash between an end and its giving left behind. Every instance
 * has one, also one that runs no jobs; the database lets no two give one turn.
 */
export function createTurnGiver({ store, wakeUps, clock, log }: TurnGiverOptions): TurnGiver {
  let timer: Timer | undefined
  let stopped = true
  let sweeping: Promise<void> | undefined
  let sweepAgain = false
  /** Where the look at late comers goes on. */
  let since: string | null = null
  /** Where the walk goes on; `null`: at the front. */
  let after: string | null = null
  /** A whole round is wanted, without a pause: one may have begun before it was. */
  let rounds = 0
  /** When the walk last went on, by the monotonic clock. */
  let walkedAt = -Infinity
  let unsubscribe: (() => void)[] = []

  const group = createGroup<TurnKey>({
    clock,
    max: MAX_GROUP,
    waitMs: 0,
    flush: async (keys) => {
      announce(await store.giveTurns(distinct(keys)))
    },
    onFault: (error) => {
      log.debug({ err: error }, 'turns could not be given; the next sweep finds them')
    },
  })

  function announce({ queues }: GivenTurns): void {
    if (queues.length > 0) wakeUps.ready(queues)
  }

  function sweep(): void {
    if (stopped) return
    if (sweeping !== undefined) {
      sweepAgain = true
      return
    }
    timer?.cancel()
    sweeping = look()
      .catch((error: unknown) => {
        log.debug({ err: error }, 'lanes could not be looked at')
        sweepAgain = false
      })
      .then(() => {
        sweeping = undefined
        if (stopped) return
        if (sweepAgain) {
          sweepAgain = false
          sweep()
        } else {
          timer = clock.after(SWEEP_MS, sweep)
        }
      })
  }

  async function look(): Promise<void> {
    await lookAtLate()
    // Other programs may wake this more often than once a second, or so often that no timer ever ends.
    const now = clock.monotonicMs()
    if (now - walkedAt < SWEEP_MS && rounds === 0) return
    walkedAt = now
    for (let step = 0; (step < WALK_STEPS || rounds > 0) && !stopped; step += 1) {
      const walked = await store.walkTurns({ after, limit: WALK_LIMIT })
      after = walked.after
      announce(walked)
      if (after !== null) continue
      // One round is enough for a sweep.
      rounds = Math.max(0, rounds - 1)
      if (rounds === 0) break
    }
  }

  async function lookAtLate(): Promise<void> {
    for (let looks = 0; looks < LATE_LOOKS && !stopped; looks += 1) {
      const late = await store.lateTurns({ since, limit: LATE_LIMIT })
      since = late.since
      announce(late)
      if (!late.more) return
    }
  }

  return {
    start: () => {
      stopped = false
      rounds = 1
      unsubscribe = [
        wakeUps.onTurns((keys) => {
          if (keys !== null) {
            for (const key of keys) group.add(key)
            return
          }
          // One that is under way has passed some lanes by.
          rounds = after === null ? 1 : 2
          sweep()
        }),
        // Another program has inserted or changed something.
        wakeUps.onReady((queues) => {
          if (queues === null) sweep()
        }),
      ]
      sweep()
    },
    stop: async () => {
      stopped = true
      timer?.cancel()
      for (const each of unsubscribe) each()
      await Promise.all([sweeping, group.idle()])
    },
  }
}

function distinct(keys: readonly TurnKey[]): readonly TurnKey[] {
  return [...new Map(keys.map((key) => [turnName(key), key] as const)).values()]
}
