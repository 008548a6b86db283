import type { BacklogCounter } from '../ports/backlog.ts'
import type { Clock } from '../ports/clock.ts'
import type { Flow, FlowReason } from '../ports/flow.ts'
import type { Log } from '../ports/log.ts'
import type { Pauses } from '../ports/pauses.ts'
import {
  type Backpressure,
  type BackpressureSettings,
  COUNT_EVERY_MS,
  createBackpressure,
} from './backpressure.ts'
import { type DatabaseGate, PROBE_MS } from './database-gate.ts'
import { createListeners } from './listeners.ts'

/** A subscription, as far as its flow needs it. */
export interface FlowingSubscription {
  /** `mqtt:temps` */
  readonly address: string
  /** Of its jobs. */
  readonly queue: string
  /** Left out: however many wait, it takes messages in. */
  readonly backpressure?: BackpressureSettings | undefined
}

/** What {@link createFlows} needs. */
export interface FlowsOptions {
  readonly subscriptions: readonly FlowingSubscription[]
  readonly pauses: Pick<Pauses, 'find' | 'onChange'>
  readonly database: Pick<DatabaseGate, 'isOpen' | 'onChange'>
  readonly store: BacklogCounter
  readonly clock: Clock
  readonly log: Log
}

/** The flow of every subscription. */
export interface Flows {
  /** One that is always closed by nothing where the address is none. */
  flow(address: string): Flow
  /** Jobs that waited at the last count; `undefined`: they are not counted, or were not yet. */
  waiting(address: string): number | undefined
  /** Messages of this subscription came. */
  noteMessages(address: string): void
  /** Closes all of them for good: the instance is stopping. */
  close(): void
  stop(): void
}

/** When it is worth asking again, in milliseconds. Nobody knows when people resume. */
const RETRY_AFTER_MS: Readonly<Record<FlowReason, number>> = {
  stopping: 5_000,
  paused: 30_000,
  database: PROBE_MS,
  backpressure: COUNT_EVERY_MS,
}

/** Opens and closes subscriptions: people first, then the database, then what waits. */
export function createFlows(options: FlowsOptions): Flows {
  const { pauses, database, store, clock, log } = options
  /** Told of the address that changed; `null`: any. */
  const listeners = createListeners<string | null>(log)
  const backpressures = new Map<string, Backpressure>()
  for (const { address, queue, backpressure } of options.subscriptions) {
    if (backpressure === undefined) continue
    const onChange = (): void => {
      listeners.tell(address)
    }
    const limits = {
      ...backpressure,
      queue,
      store,
      clock,
      log: log.child({ subscription: address }),
    }
    backpressures.set(address, createBackpressure({ ...limits, onChange }))
  }
  const unsubscribe = [
    pauses.onChange((addresses) => {
      for (const address of addresses) listeners.tell(address)
    }),
    database.onChange(() => {
      listeners.tell(null)
    }),
  ]

  let isStopping = false
  function reasonOf(address: string): FlowReason | undefined {
    if (isStopping) return 'stopping'
    if (pauses.find(address) !== undefined) return 'paused'
    if (!database.isOpen()) return 'database'
    return backpressures.get(address)?.isClosed() === true ? 'backpressure' : undefined
  }

  return {
    flow: (address) => ({
      closed: () => {
        const reason = reasonOf(address)
        return reason === undefined ? undefined : { reason, retryAfterMs: RETRY_AFTER_MS[reason] }
      },
      onChange: (listener) =>
        listeners.add((changed) => {
          if (changed === null || changed === address) listener()
        }),
    }),
    waiting: (address) => backpressures.get(address)?.waiting(),
    noteMessages: (address) => {
      backpressures.get(address)?.noteMessages()
    },
    close: () => {
      isStopping = true
      listeners.tell(null)
    },
    stop: () => {
      for (const each of unsubscribe) each()
      for (const backpressure of backpressures.values()) backpressure.stop()
    },
  }
}
