import type { Timer } from '../ports/clock.ts'
import type { WorkerContext } from './settings.ts'

/** Makes waiting jobs ready when their time has come. */
export interface Promoter {
  start(): void
  stop(): void
}

/** Rows of one statement. */
const LIMIT = 1_000

/** A sweep at least this often, in milliseconds: a plain INSERT may not have been announced. */
const SWEEP_MS = 1_000

/** Sleeps until the next waiting job is due by the database's clock, or somebody says that one waits. */
export function createPromoter(context: WorkerContext): Promoter {
  const { store, wakeUps, clock, log } = context
  let timer: Timer | undefined
  let busy = false
  let again = false
  let stopped = true
  let unsubscribe: (() => void)[] = []

  async function promote(): Promise<void> {
    if (busy) {
      again = true
      return
    }
    busy = true
    timer?.cancel()
    let sleepMs = SWEEP_MS
    try {
      const { queues, count, nextDueInMs, turns } = await store.promoteDue({ limit: LIMIT })
      if (queues.length > 0) wakeUps.ready(queues)
      wakeUps.turns(turns)
      if (count === LIMIT) sleepMs = 0
      else if (nextDueInMs !== null)
        sleepMs = Math.min(SWEEP_MS, Math.max(1, Math.ceil(nextDueInMs)))
    } catch (error) {
      log.debug({ err: error }, 'waiting jobs could not be looked at')
    }
    busy = false
    if (stopped) return
    if (again) sleepMs = 0
    again = false
    timer = clock.after(sleepMs, () => void promote())
  }

  return {
    start: () => {
      stopped = false
      unsubscribe = [
        wakeUps.onWaiting(() => void promote()),
        // What another program inserted may be due later.
        wakeUps.onReady((queues) => {
          if (queues === null) void promote()
        }),
      ]
      void promote()
    },
    stop: () => {
      stopped = true
      timer?.cancel()
      for (const each of unsubscribe) each()
    },
  }
}
