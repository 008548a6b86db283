import { errorMessage } from '../../src/domain/errors.ts'
import type { AdapterHealth } from '../../src/ports/adapter.ts'
import type { ClientSlot, ClientSlots } from '../../src/ports/client-slots.ts'
import type { Timer } from '../../src/ports/clock.ts'
import { destinationOf } from './destination.ts'
import { openSession, type Session, type SessionOptions } from './session.ts'

/** What {@link openReceiver} needs. */
export interface ReceiverOptions extends Omit<SessionOptions, 'clientId'> {
  readonly slots: ClientSlots
  /** `instance.name`. */
  readonly instanceName: string
}

/** One subscription at work. */
export interface Receiver {
  health(): AdapterHealth
  /** May be called twice. */
  stop(): Promise<void>
}

/** How soon one that stands by asks again for the slot. */
const STAND_BY_MS = 2_000

/**
 * A queue is shared by all instances, as the broker divides it. A topic gives each subscriber every message: one
 * instance has the one slot and subscribes, the others stand by and take it over, so that a message is one row.
 */
export function openReceiver(options: ReceiverOptions): Receiver {
  const { destination, routing, durable } = options.subscription.options
  const { isTopic } = destinationOf(options.connection.broker, destination, routing)
  return isTopic || durable ? openSlotReceiver(options) : openQueueReceiver(options)
}

function openQueueReceiver(options: ReceiverOptions): Receiver {
  const session = openSession({ ...options, clientId: undefined })
  return { health: () => healthOf(session), stop: () => session.stop() }
}

function openSlotReceiver(options: ReceiverOptions): Receiver {
  const { connection, subscription, slots, clock, log } = options
  const name = `${connection.client_id ?? options.instanceName}-${subscription.name}`
  let session: Session | undefined
  let slot: ClientSlot | undefined
  let problem: string | undefined
  let isStandingBy = false
  let isStopped = false
  let timer: Timer | undefined
  let work: Promise<void> = Promise.resolve()

  /** One step after another: nothing is opened while it is being stopped. */
  function then(step: () => Promise<void>): void {
    work = work.then(step).catch((error: unknown) => {
      problem = errorMessage(error)
    })
  }

  async function begin(): Promise<void> {
    if (isStopped) return
    const taken = await slots.take({ name, limit: 1 }).catch((error: unknown) => {
      problem = `no slot could be taken: ${errorMessage(error)}`
      return undefined
    })
    if (taken === undefined) {
      if (problem === undefined && !isStandingBy) {
        isStandingBy = true
        log.info({ slot: `${name}-0` }, 'stands by: another instance has the subscription')
      }
      timer = clock.after(STAND_BY_MS, () => {
        problem = undefined
        then(begin)
      })
      return
    }
    problem = undefined
    isStandingBy = false
    slot = taken
    // One that is not durable has no client id: the broker keeps nothing under it, and refuses a second one.
    const clientId = subscription.options.durable ? `${name}-${taken.slot}` : undefined
    session = openSession({ ...options, clientId })
    taken.onLost(() => {
      then(async () => {
        await end()
        await begin()
      })
    })
  }

  async function end(): Promise<void> {
    const [one, held] = [session, slot]
    session = undefined
    slot = undefined
    await one?.stop()
    await held?.release().catch(() => undefined)
  }

  then(begin)
  return {
    health: () => {
      if (isStandingBy) {
        return { status: 'ok', detail: 'stands by: another instance has the subscription' }
      }
      if (session === undefined) return { status: 'down', detail: problem ?? 'not connected yet' }
      return healthOf(session)
    },
    stop: async () => {
      isStopped = true
      timer?.cancel()
      await work
      timer?.cancel()
      await end()
    },
  }
}

function healthOf(session: Session): AdapterHealth {
  const what = session.problem()
  if (!session.isConnected()) return { status: 'down', detail: what ?? 'not connected yet' }
  return what === undefined ? { status: 'ok' } : { status: 'degraded', detail: what }
}
