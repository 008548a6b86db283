import { CrossdockError } from '../domain/errors.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import { type Pause, type PauseRecord, type Pauses, queueAddress } from '../ports/pauses.ts'
import type { Store } from '../ports/store.ts'
import type { WakeUps } from '../ports/wake-ups.ts'
import { createListeners } from './listeners.ts'

/** What {@link createPauses} needs. */
export interface PausesOptions {
  readonly store: Pick<Store, 'pauses'>
  readonly wakeUps: Pick<WakeUps, 'pauses' | 'onPauses'>
  /** Addresses that the configuration pauses. */
  readonly configured: readonly string[]
  readonly clock: Clock
  readonly log: Log
}

/** {@link Pauses}, kept up to date. */
export interface KeptPauses extends Pauses {
  /** Reads what is paused, and from then on what changes. @throws CrossdockError `database_*` */
  start(): Promise<void>
  stop(): void
}

/** What nobody announced is found by a look so often, in milliseconds: one small table. */
const LOOK_MS = 2_000

const CONFIGURED: Pause = { on: null, by: null, reason: 'paused in the configuration' }

/**
 * What is paused: what people said at run time, as the database keeps it; where they said nothing, what the
 * configuration says. Another instance's change is read when it announces it, else by looking.
 */
export function createPauses(options: PausesOptions): KeptPauses {
  const { store, wakeUps, clock, log } = options
  const configured = new Set(options.configured)
  const listeners = createListeners<readonly string[]>(log)
  let records = new Map<string, PauseRecord>()
  let reading: Promise<void> | undefined
  let readAgain = false
  let timer: Timer | undefined
  let unsubscribe: (() => void) | undefined
  let stopped = true
  /** Raised by each change of our own: a list that was read before it is out of date. */
  let changes = 0

  function find(address: string): Pause | undefined {
    const record = records.get(address)
    if (record === undefined) return configured.has(address) ? CONFIGURED : undefined
    const { paused, changedOn, changedBy, reason } = record
    return paused ? { on: changedOn, by: changedBy, reason } : undefined
  }

  function take(fresh: Map<string, PauseRecord>): void {
    const addresses = new Set([...records.keys(), ...fresh.keys()])
    const before = new Map([...addresses].map((address) => [address, find(address) !== undefined]))
    records = fresh
    const changed = [...addresses].filter(
      (address) => (find(address) !== undefined) !== before.get(address),
    )
    if (changed.length === 0) return
    for (const address of changed) {
      const pause = find(address)
      if (pause === undefined) log.info({ address }, 'resumed')
      else log.info({ address, by: pause.by, reason: pause.reason }, 'paused')
    }
    listeners.tell(changed)
  }

  async function read(): Promise<void> {
    do {
      readAgain = false
      const at = changes
      const list = await store.pauses.list()
      if (at === changes) take(new Map(list.map((record) => [record.address, record])))
      else readAgain = true
      // What came while it was read may not be in it.
    } while (readAgain)
  }

  /** Reads once more, however many ask for it; what cannot be read now is by the next look. */
  function look(): void {
    if (stopped) return
    if (reading !== undefined) {
      readAgain = true
      return
    }
    timer?.cancel()
    reading = read()
      .catch((error: unknown) => {
        log.debug({ err: error }, 'what is paused could not be read')
      })
      .then(() => {
        reading = undefined
        if (!stopped) timer = clock.after(LOOK_MS, look)
      })
  }

  return {
    start: async () => {
      stopped = false
      unsubscribe = wakeUps.onPauses(look)
      await read()
      look()
    },
    find,
    paused: () =>
      [...new Set([...configured, ...records.keys()])].filter(
        (address) => find(address) !== undefined,
      ),
    isQueuePaused: (queue) =>
      find(queueAddress(queue)) !== undefined || (queue.includes(':') && find(queue) !== undefined),
    onChange: (listener) => listeners.add(listener),
    change: async (change) => {
      const record = await store.pauses.set(change)
      changes += 1
      take(new Map([...records, [record.address, record]]))
      wakeUps.pauses()
      // Somebody else's change may have come between.
      if (record.paused === change.paused) return record
      throw new CrossdockError('database_retryable', `${change.address} was changed meanwhile`, {
        retryable: true,
      })
    },
    stop: () => {
      stopped = true
      timer?.cancel()
      unsubscribe?.()
    },
  }
}
