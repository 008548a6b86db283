import type { Clock, Timer } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Store } from '../ports/store.ts'
import type { WakeUps } from '../ports/wake-ups.ts'

/** {@link WakeUps} and its ends. */
export interface RunningWakeUps extends WakeUps {
  stop(): Promise<void>
}

/** Announcements to other instances are gathered for this long, in milliseconds. */
const ANNOUNCE_EVERY_MS = 20

/**
 * Wakes this process at once and the others by one announcement for many commits: NOTIFY takes a lock
 * over the whole database at commit, and one for each commit divided them by three under 32 writers.
 */
export async function startWakeUps(options: {
  readonly store: Pick<Store, 'announce' | 'listen'>
  readonly clock: Clock
  readonly log: Log
  /** Whether to talk with other instances; default true. Without it they find work by polling. */
  readonly notify: boolean
}): Promise<RunningWakeUps> {
  const { store, clock, log, notify } = options
  const readyListeners = new Set<(queues: readonly string[] | null) => void>()
  const waitingListeners = new Set<() => void>()
  const pending = new Set<string>()
  let timer: Timer | undefined
  let announcing: Promise<void> = Promise.resolve()

  function tell(queues: readonly string[] | null): void {
    for (const listener of readyListeners) {
      try {
        listener(queues)
      } catch (error) {
        // Whoever announces has just committed, and must not fail for it.
        log.error({ err: error }, 'a part could not be woken')
      }
    }
  }

  function announceSoon(queues: readonly string[]): void {
    if (!notify) return
    for (const queue of queues) pending.add(queue)
    timer ??= clock.after(ANNOUNCE_EVERY_MS, announce)
  }

  function announce(): void {
    timer?.cancel()
    timer = undefined
    const named = [...pending]
    pending.clear()
    if (named.length === 0) return
    announcing = store.announce(named).catch((error: unknown) => {
      log.debug(
        { err: error },
        'other instances were not told of new jobs; they find them by polling',
      )
    })
  }

  const listening = notify ? await store.listen(tell) : undefined

  return {
    ready: (queues) => {
      tell(queues)
      announceSoon(queues)
    },
    waiting: () => {
      for (const listener of waitingListeners) listener()
    },
    onReady: (listener) => {
      readyListeners.add(listener)
      return () => readyListeners.delete(listener)
    },
    onWaiting: (listener) => {
      waitingListeners.add(listener)
      return () => waitingListeners.delete(listener)
    },
    stop: async () => {
      // What was given back last is what the others are to run.
      announce()
      await announcing
      await listening?.stop()
    },
  }
}
