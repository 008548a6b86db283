import { randomBytes } from 'node:crypto'
import { errorMessage } from '../../src/domain/errors.ts'
import type { AdapterHealth } from '../../src/ports/adapter.ts'
import type { ClientSlot, ClientSlots } from '../../src/ports/client-slots.ts'
import type { Timer } from '../../src/ports/clock.ts'
import { PacketIdentities } from './packet-identities.ts'
import { openSession, type Session, type SessionOptions } from './session.ts'
import { isShared } from './topics.ts'

/** What {@link openReceiver} needs. */
export interface ReceiverOptions extends Pick<
  SessionOptions,
  'connection' | 'subscription' | 'canDefer' | 'makeOffering' | 'clock' | 'random' | 'log'
> {
  readonly slots: ClientSlots
  /** `instance.name`. */
  readonly instanceName: string
  /** How often sessions that nobody has are looked for, in milliseconds; default 30 s. */
  readonly lookMs?: number
}

/** One subscription at work: the sessions that this instance has for it. */
export interface Receiver {
  health(): AdapterHealth
  stop(): Promise<void>
}

/** Members of a shared subscription, at most: each has a session of its own. */
const MAX_SHARED_SLOTS = 1_000
/** How soon one that stands by asks again for the slot. */
const STAND_BY_MS = 2_000
const LOOK_FOR_ABANDONED_MS = 30_000
/** For how long nothing must come from an abandoned session before it is left again. */
const DRAINED_MS = 10_000

/**
 * A durable session belongs to a slot, and a slot to one process. Topics that are not shared have one slot: the
 * other instances stand by and take it over, so that a message is stored by one of them and not by each. Shared
 * topics have a slot for each instance; the sessions of those that are gone are emptied by the others.
 */
export function openReceiver(options: ReceiverOptions): Receiver {
  const { connection, subscription, slots, clock, log, lookMs = LOOK_FOR_ABANDONED_MS } = options
  const name = `${connection.client_id ?? options.instanceName}-${subscription.name}`
  const isShareable = subscription.options.topics.every(({ topic }) => isShared(topic))
  const limit = isShareable ? MAX_SHARED_SLOTS : 1
  const timers = new Set<Timer>()
  const open = new Map<Session, ClientSlot>()
  let main: Session | undefined
  let problem: string | undefined
  let isStandingBy = false
  let isStopped = false
  let work: Promise<void> = Promise.resolve()

  function session(clientId: string, more: Partial<SessionOptions> = {}): Session {
    const { canDefer, makeOffering, random } = options
    const common = { connection, subscription, canDefer, makeOffering, clock, random, log }
    return openSession({ ...common, clientId, packets: undefined, isInherited: false, ...more })
  }

  /** One step after another: nothing is opened while it is being stopped. */
  function then(step: () => Promise<void>): void {
    work = work.then(step).catch((error: unknown) => {
      problem = errorMessage(error)
    })
  }

  function after(delayMs: number, step: () => Promise<void>): void {
    const timer = clock.after(delayMs, () => {
      timers.delete(timer)
      then(step)
    })
    timers.add(timer)
  }

  async function begin(): Promise<void> {
    if (isStopped) return
    const one = await openSlot(false).catch((error: unknown) => {
      problem = `no slot could be taken: ${errorMessage(error)}`
      return undefined
    })
    if (one === undefined) {
      if (problem === undefined && !isStandingBy) {
        isStandingBy = true
        log.info({ session: `${name}-0` }, 'stands by: another instance has the session')
      }
      after(STAND_BY_MS, begin)
      return
    }
    problem = undefined
    isStandingBy = false
    main = one
  }

  async function openSlot(abandoned: boolean): Promise<Session | undefined> {
    const slot = await slots.take({ name, limit, abandoned })
    if (slot === undefined) {
      problem = undefined
      return undefined
    }
    try {
      const packets = await PacketIdentities.open(slot.packets, log)
      const one = session(`${name}-${slot.slot}`, { packets, isInherited: abandoned })
      open.set(one, slot)
      slot.onLost(() => {
        then(async () => {
          await close(one)
          if (one === main) await begin()
        })
      })
      return one
    } catch (error) {
      await slot.release().catch(() => undefined)
      throw error
    }
  }

  async function close(one: Session): Promise<void> {
    const slot = open.get(one)
    open.delete(one)
    await one.stop()
    await slot?.release().catch(() => undefined)
  }

  /** Takes over what a member of the group has left behind, as far as nobody else does. */
  async function lookForAbandoned(): Promise<void> {
    if (isStopped) return
    try {
      const [inherited] = [...open.keys()].filter((one) => one !== main)
      if (inherited !== undefined) {
        if (inherited.idleMs() > DRAINED_MS) await close(inherited)
      } else if (main?.isConnected() === true) {
        const one = await openSlot(true)
        problem = undefined
        if (one !== undefined)
          log.info({ session: one.clientId }, 'empties a session that nobody has')
      }
    } finally {
      after(open.size > 1 ? Math.min(DRAINED_MS, lookMs) : lookMs, lookForAbandoned)
    }
  }

  if (connection.clean_start) {
    main = session(`${name}-${randomBytes(6).toString('hex')}`)
  } else {
    then(begin)
    if (isShareable) after(lookMs, lookForAbandoned)
  }

  return {
    health: () => {
      if (isStandingBy)
        return { status: 'ok', detail: 'stands by: another instance has the session' }
      const what = main?.problem() ?? problem
      if (main?.isConnected() === true) {
        return what === undefined ? { status: 'ok' } : { status: 'degraded', detail: what }
      }
      return { status: 'down', detail: what ?? 'not connected yet' }
    },
    stop: async () => {
      isStopped = true
      for (const timer of timers) timer.cancel()
      await work
      for (const timer of timers) timer.cancel()
      const sessions = [...open.keys()]
      if (main !== undefined && !sessions.includes(main)) sessions.push(main)
      await Promise.all(sessions.map(close))
    },
  }
}
