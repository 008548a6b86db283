import type { HubConnection } from '@microsoft/signalr'
import type { AdapterContext, AdapterHealth, AdapterSubscription } from '../../src/ports/adapter.ts'
import { CrossdockError, errorMessage } from '../../src/domain/errors.ts'
import type { ClientSlot, ClientSlots } from '../../src/ports/client-slots.ts'
import type { Timer } from '../../src/ports/clock.ts'
import { Call, HubRefusal } from './call-protocol.ts'
import { invokePlainly } from './hub-client.ts'
import { type Intake, openIntake } from './intake.ts'
import { keepConnected, type Link, type LinkParts } from './link.ts'
import type { SignalrSubscriptionOptions } from './options/subscription.ts'
import { within } from './within.ts'

/** What {@link openReceiver} needs. */
export interface ReceiverOptions
  extends LinkParts, Pick<AdapterContext<unknown>, 'sink' | 'makeOffering'> {
  readonly subscriptions: readonly AdapterSubscription<SignalrSubscriptionOptions>[]
  readonly slots: ClientSlots
  /** What its slot is called: the same in every instance. */
  readonly slotName: string
}

/** The subscriptions of one hub at work, on one connection. */
export interface Receiver {
  health(): AdapterHealth
  stop(): Promise<void>
}

/** How soon one that stands by asks again for the slot. */
const STAND_BY_MS = 2_000

/**
 * A hub sends an event to every connection that it means. So that several instances do not make several jobs of it,
 * one has the connection, by a slot in the database, and the others stand by and take it over.
 */
export function openReceiver(options: ReceiverOptions): Receiver {
  const { connection, clock, log, slots, slotName } = options
  const intakes = options.subscriptions.map((subscription) => ({
    event: subscription.options.event.toLowerCase(),
    intake: openIntake({
      subscription,
      sink: options.sink,
      makeOffering: options.makeOffering,
      log: log.child({ subscription: subscription.name }),
    }),
  }))
  let link: Link | undefined
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
    let taken: ClientSlot | undefined
    try {
      taken = await slots.take({ name: slotName, limit: 1 })
    } catch (error) {
      problem = `no slot could be taken: ${errorMessage(error)}`
      beginLater()
      return
    }
    problem = undefined
    if (taken === undefined) {
      if (!isStandingBy) log.info({}, 'stands by: another instance has the connection to the hub')
      isStandingBy = true
      beginLater()
      return
    }
    isStandingBy = false
    slot = taken
    link = keepConnected({
      ...options,
      prepare,
      introduce,
      up: () => undefined,
      down: () => undefined,
    })
    taken.onLost(() => {
      then(async () => {
        await leave()
        await begin()
      })
    })
  }

  function beginLater(): void {
    timer = clock.after(STAND_BY_MS, () => {
      then(begin)
    })
  }

  function prepare(client: HubConnection): void {
    for (const event of new Set(intakes.map((one) => one.event))) {
      const takers = intakes.filter((one) => one.event === event).map(({ intake }) => intake)
      client.on(event, (call: unknown) => {
        // What the hub sends once more to a connection that we have left is not for us: the next one has its own.
        if (!(call instanceof Call) || link?.has(client) === false) return undefined
        return receive(call, takers)
      })
    }
  }

  /** What the hub is answered; `undefined` where it does not wait. */
  function receive(call: Call, takers: readonly Intake[]): unknown {
    if (!call.isAwaited) {
      for (const taker of takers) taker.take(call)
      return undefined
    }
    // Of several subscriptions to one event the first one's answer, once all have stored it.
    return Promise.all(takers.map((taker) => taker.answer(call))).then(([first]) => first)
  }

  async function introduce(client: HubConnection): Promise<void> {
    for (const { method, args } of connection.join) {
      const limitMs = connection.connect_timeout
      const late = `the hub did not answer ${method} within ${limitMs} ms`
      const result = await within(clock, limitMs, invokePlainly(client, method, args), late)
      if (result instanceof HubRefusal) {
        throw new CrossdockError('connection_failed', `the hub refuses ${method}: ${result.reason}`)
      }
    }
  }

  async function leave(): Promise<void> {
    await link?.stop()
    link = undefined
    await slot?.release().catch(() => undefined)
    slot = undefined
  }

  function health(): AdapterHealth {
    if (isStandingBy) {
      return { status: 'ok', detail: 'stands by: another instance has the connection' }
    }
    const lost = intakes.reduce((sum, { intake }) => sum + intake.lost(), 0)
    const loss =
      lost === 0
        ? 'what the hub sends without waiting for a result is lost while we are not connected, and in a crash before it is stored'
        : `${lost} events were lost since the start; what the hub sends without waiting for a result is lost while we are not connected as well`
    if (link?.isConnected() !== true) {
      return { status: 'down', detail: link?.lastReason() ?? problem ?? 'not connected yet' }
    }
    const full = intakes.map(({ intake }) => intake.problem()).find((one) => one !== undefined)
    return full === undefined
      ? { status: 'ok', detail: loss }
      : { status: 'degraded', detail: `${full}; ${loss}` }
  }

  then(begin)
  return {
    health,
    stop: async () => {
      isStopped = true
      timer?.cancel()
      await work
      timer?.cancel()
      await Promise.all(intakes.map(({ intake }) => intake.finishAnswers()))
      // The library writes the last answers after these promises.
      await new Promise((resolve) => setImmediate(resolve))
      await leave()
      await Promise.all(intakes.map(({ intake }) => intake.finish()))
    },
  }
}
