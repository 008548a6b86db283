import type { Clock, Timer } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import { createListeners } from './listeners.ts'

/** What {@link createDatabaseGate} needs. */
export interface DatabaseGateOptions {
  /** Calls its listener with `false` after each insert that did not find the database, with `true` after the next that did. */
  readonly onHealth: (listener: (isHealthy: boolean) => void) => () => void
  /** Asks the database something small. */
  readonly ping: () => Promise<unknown>
  readonly clock: Clock
  readonly log: Log
}

/** Whether the database can be written to, as far as is known. */
export interface DatabaseGate {
  isOpen(): boolean
  /** Calls `listener` after each change. Returns how to stop it. */
  onChange(listener: () => void): () => void
  stop(): void
}

/** How often a database that is away is asked, in milliseconds. */
export const PROBE_MS = 500

/**
 * Closes when an insert did not find the database. Whoever heeds it stops pulling, and then no insert would ever
 * say that it is back: so the database is asked, until it answers.
 */
export function createDatabaseGate(options: DatabaseGateOptions): DatabaseGate {
  const { clock, log, ping } = options
  const listeners = createListeners<undefined>(log)
  let open = true
  let timer: Timer | undefined
  let stopped = false
  /** An insert that failed after a ping was sent is younger than its answer. */
  let failures = 0

  function set(isOpen: boolean): void {
    if (isOpen) {
      timer?.cancel()
      timer = undefined
    } else if (!stopped) {
      timer ??= clock.after(PROBE_MS, () => void probe())
    }
    if (open === isOpen) return
    open = isOpen
    listeners.tell(undefined)
  }

  async function probe(): Promise<void> {
    const known = failures
    const answers = await ping().then(
      () => true,
      () => false,
    )
    timer = undefined
    if (!stopped && !open) set(answers && known === failures)
  }

  const unsubscribe = options.onHealth((isHealthy) => {
    if (!isHealthy) failures += 1
    set(isHealthy)
  })

  return {
    isOpen: () => open,
    onChange: (listener) => listeners.add(listener),
    stop: () => {
      stopped = true
      timer?.cancel()
      unsubscribe()
    },
  }
}
