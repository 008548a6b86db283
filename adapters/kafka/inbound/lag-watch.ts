import { errorMessage } from '../../../src/domain/errors.ts'
import type { Clock, Timer } from '../../../src/ports/clock.ts'
import type { Log } from '../../../src/ports/log.ts'
import type { PartitionLag } from '../driver.ts'
import type { Session } from './session.ts'

/** How far behind one partition is. */
export interface WatchedLag {
  readonly topic: string
  readonly partition: number
  /** Records that are there and not committed; `null`: the group has no offset yet, so nobody can say. */
  readonly waiting: number | null
  /** For how long some have waited while the offset has not moved, in milliseconds. */
  readonly stillMs: number
}

/** Looks now and then how far behind its partitions are. */
export interface LagWatch {
  /** At the last look. */
  lags(): readonly WatchedLag[]
  stop(): void
}

const FIRST_MS = 1_000

/** The offset that a partition had, and since when. */
interface Mark {
  readonly committed: bigint | undefined
  readonly since: number
}

/** A partition that never had a record has nothing that could wait. */
function waitingOf(end: bigint, committed: bigint | undefined): number | null {
  if (committed === undefined) return end === 0n ? 0 : null
  return Math.max(0, Number(end - committed))
}

/** Watches the partitions of a session. */
export function watchLag({
  session,
  everyMs,
  looked,
  clock,
  log,
}: {
  readonly session: Pick<Session, 'lag' | 'hasJoined'>
  readonly everyMs: number
  /** After each look. */
  readonly looked: (lags: readonly WatchedLag[]) => void
  readonly clock: Clock
  readonly log: Log
}): LagWatch {
  let lags: readonly WatchedLag[] = []
  let marks = new Map<string, Mark>()
  let timer: Timer | undefined
  let isStopped = false

  function note(found: readonly PartitionLag[]): void {
    const now = clock.monotonicMs()
    const former = marks
    marks = new Map()
    lags = found.map(({ topic, partition, end, committed }) => {
      const key = `${topic}/${partition}`
      const mark = former.get(key)
      const waiting = waitingOf(end, committed)
      const isStill = mark !== undefined && mark.committed === committed && waiting !== 0
      const since = isStill ? mark.since : now
      marks.set(key, { committed, since })
      return { topic, partition, waiting, stillMs: now - since }
    })
    looked(lags)
  }

  async function look(): Promise<void> {
    try {
      if (session.hasJoined()) note(await session.lag())
    } catch (error) {
      log.debug({ reason: errorMessage(error) }, 'how far behind partitions are is not known')
    }
    again()
  }

  function again(delayMs = everyMs): void {
    if (!isStopped) timer = clock.after(delayMs, () => void look())
  }

  again(Math.min(FIRST_MS, everyMs))
  return {
    lags: () => lags,
    stop: () => {
      isStopped = true
      timer?.cancel()
    },
  }
}
