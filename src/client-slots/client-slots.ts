import { CrossdockError } from '../domain/errors.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type {
  ClientSlot,
  ClientSlots,
  PacketStore,
  SlotRequest,
  SlotStore,
} from '../ports/client-slots.ts'
import type { Log } from '../ports/log.ts'

/** What {@link createClientSlots} needs. */
export interface ClientSlotsOptions {
  readonly store: SlotStore & PacketStore
  /** Tells this process from every other one. */
  readonly token: string
  readonly clock: Clock
  readonly log: Log
  /** How long a process that has died keeps others waiting. */
  readonly leaseMs: number
}

/** The slots that this process holds. */
export interface HeldClientSlots extends ClientSlots {
  /** Renews no more, and gives back what is held. May be called twice. */
  stop(): Promise<void>
}

interface Held extends ClientSlot {
  lost(): void
}

/** Takes slots and renews them together, three times a lease. */
export function createClientSlots(options: ClientSlotsOptions): HeldClientSlots {
  const { store, token, clock, log, leaseMs } = options
  const held = new Set<Held>()
  const stopping = new AbortController()
  const isStopped = (): boolean => stopping.signal.aborted
  let timer: Timer | undefined
  let taking: Promise<unknown> = Promise.resolve()

  // One after another: to the database they are one holder, to whom a slot could be given twice.
  function take(request: SlotRequest): Promise<ClientSlot | undefined> {
    const taken = taking.then(() => takeNext(request))
    taking = taken.catch(() => undefined)
    return taken
  }

  async function takeNext(request: SlotRequest): Promise<ClientSlot | undefined> {
    if (isStopped()) return undefined
    const slot = await store.takeSlot({ ...request, token, leaseMs })
    if (slot === undefined) return undefined
    const one = hold(request.name, slot)
    // It was stopped meanwhile.
    if (isStopped()) await one.release()
    else arm()
    return one
  }

  function hold(name: string, slot: number): Held {
    let listener: (() => void) | undefined
    let isLost = false
    const one: Held = {
      name,
      slot,
      onLost: (each) => {
        // It may have gone before anybody listened.
        if (isLost) each()
        else listener = each
      },
      lost: () => {
        if (!held.delete(one)) return
        isLost = true
        log.warn({ slot: `${name}-${slot}` }, 'another instance has taken over a durable session')
        listener?.()
      },
      packets: {
        all: () => store.listPackets({ name, slot }),
        remember: async (packets) => {
          mustBeMine(one, await store.rememberPackets({ name, slot, token, packets }))
        },
        forget: async (packetIds) => {
          mustBeMine(one, await store.forgetPackets({ name, slot, token, packetIds }))
        },
      },
      release: async () => {
        if (!held.delete(one)) return
        await store.releaseSlot({ name, slot, token })
      },
    }
    held.add(one)
    return one
  }

  /** The first to notice that a slot is another's need not be the renewal. */
  function mustBeMine(one: Held, isMine: boolean): void {
    if (isMine) return
    one.lost()
    throw new CrossdockError(
      'lease_lost',
      `Another instance has taken over the durable session ${one.name}-${one.slot}: it has what this one has not acknowledged.`,
    )
  }

  function arm(): void {
    timer ??= clock.after(leaseMs / 3, () => {
      timer = undefined
      void renew()
    })
  }

  async function renew(): Promise<void> {
    const asked = [...held]
    if (asked.length === 0 || isStopped()) return
    try {
      const keys = asked.map(({ name, slot }) => ({ name, slot }))
      const kept = await store.renewSlots({ keys, token, leaseMs })
      for (const one of asked) {
        if (!kept.some(({ name, slot }) => name === one.name && slot === one.slot)) one.lost()
      }
    } catch (error) {
      // Nobody else can take them while the database is away.
      log.debug({ err: error }, 'the slots of durable sessions could not be renewed')
    }
    arm()
  }

  return {
    take,
    stop: async () => {
      stopping.abort()
      timer?.cancel()
      await Promise.allSettled([...held].map((one) => one.release()))
    },
  }
}
