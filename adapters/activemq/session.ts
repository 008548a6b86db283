import type { AdapterContext, AdapterSubscription } from '../../src/ports/adapter.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { Log } from '../../src/ports/log.ts'
import { destinationOf, type Destination } from './destination.ts'
import { frameText } from './error-frame.ts'
import { HeldMessages, type HeldMessage } from './held-messages.ts'
import { inboundMessage } from './inbound-message.ts'
import { keepConnected } from './link.ts'
import type { ActivemqConnectionOptions } from './options/connection.ts'
import type { ActivemqSubscriptionOptions } from './options/subscription.ts'
import type { ReceivedFrame } from './received-frame.ts'
import type { StompLine } from './stomp-line.ts'

/** What {@link openSession} needs. */
export interface SessionOptions {
  readonly connection: ActivemqConnectionOptions
  readonly subscription: AdapterSubscription<ActivemqSubscriptionOptions>
  /** Of a durable subscriber. */
  readonly clientId: string | undefined
  readonly makeOffering: AdapterContext<unknown>['makeOffering']
  readonly clock: Clock
  /** Chance in [0, 1). */
  readonly random: () => number
  readonly log: Log
}

/** One subscription of one client, from the broker to the commit and back. */
export interface Session {
  isConnected(): boolean
  /** What is wrong, in words; `undefined`: nothing. */
  problem(): string | undefined
  /**
   * Takes nothing in any more, has stored what came in, acknowledges that, and leaves. A queue and a durable
   * subscription stay as they are, and so does what is left in them.
   */
  stop(): Promise<void>
}

/** Bytes of one subscription that are held unacknowledged, at most, but for one message. */
const MAX_HELD_BYTES = 32 * 1024 * 1024
/** And messages, where the broker counts bytes. */
const MAX_HELD_MESSAGES = 10_000
const CLASSIC_PREFETCH = 1_000
const ARTEMIS_PREFETCH = 1_048_576
const SUBSCRIBED = 'subscribed'
const UNSUBSCRIBED = 'unsubscribed'
const GOODBYE_MS = 2_000

/** Opens a session, which connects by itself, again and again. */
export function openSession(options: SessionOptions): Session {
  const { connection, subscription, clientId, clock, random, log } = options
  const own = subscription.options
  const { broker } = connection
  const destination = destinationOf(broker, own.destination, own.routing)
  // An empty line would stand still on nothing: what the broker may send must fit in.
  const messages = broker === 'classic' ? (own.prefetch ?? CLASSIC_PREFETCH) : MAX_HELD_MESSAGES
  const held = new HeldMessages({ messages: messages + 1, bytes: MAX_HELD_BYTES }, clock)
  let current: StompLine | undefined
  let trouble: string | undefined = 'not subscribed yet'
  let isStopping = false
  /** Lines that are gone, whose messages are still offered. */
  const gone = new Set<StompLine>()

  const offering = options.makeOffering<HeldMessage>({
    flow: subscription.flow,
    // What comes to a topic while nobody listens is nobody's.
    isDurable: !destination.isTopic || own.durable,
    settled: (settled) => {
      for (const one of settled) held.settled(one.held)
    },
    log,
  })

  function received(frame: ReceivedFrame, line: StompLine): void {
    // What comes after the goodbye is left to the broker, which gives it to the next one.
    if (isStopping) return
    const one = held.take(frame, inboundMessage(frame, subscription.name), line)
    if (one !== undefined) offering.add(one)
  }

  function subscribe(line: StompLine): void {
    trouble = 'not subscribed yet'
    line.onError = (frame) => {
      trouble = `${own.destination}: ${frameText(frame)}`
      line.cut(trouble)
    }
    line.awaitReceipt(SUBSCRIBED, () => {
      if (current === line) trouble = undefined
    })
    line.subscribe(
      destination.name,
      subscribeHeaders(broker, destination, subscription, clientId),
      (frame) => {
        received(frame, line)
      },
    )
  }

  const link = keepConnected({
    connection,
    ...(clientId !== undefined && { clientId }),
    up: (line) => {
      current = line
      // Nothing of a former line is offered any more when the broker sends it again.
      void letGo().then(() => {
        if (current === line && line.isOpen() && !isStopping) subscribe(line)
      })
    },
    down: (line) => {
      current = undefined
      held.disconnected()
      gone.add(line)
      void letGo()
    },
    clock,
    random,
    log,
  })

  async function letGo(): Promise<void> {
    const lines = [...gone]
    if (lines.length === 0) return
    await offering.drop(({ origin }) => lines.includes(origin))
    for (const line of lines) {
      held.dropped(line)
      gone.delete(line)
    }
  }

  /** Artemis counts what it takes back as a failed delivery, unless the consumer ends before its connection does. */
  async function unsubscribe(line: StompLine): Promise<void> {
    await new Promise<void>((resolve) => {
      const patience = clock.after(GOODBYE_MS, resolve)
      line.awaitReceipt(UNSUBSCRIBED, () => {
        patience.cancel()
        resolve()
      })
      line.unsubscribe({ receipt: UNSUBSCRIBED })
    })
  }

  let stopping: Promise<void> | undefined
  return {
    isConnected: () => link.isConnected(),
    problem: () => (link.isConnected() ? trouble : (link.lastReason() ?? 'not connected yet')),
    stop: () =>
      (stopping ??= (async () => {
        isStopping = true
        await offering.finish()
        // Full, it would not read the broker's answers either.
        current?.resume()
        if (!own.durable && current?.isOpen() === true && trouble === undefined) {
          await unsubscribe(current)
        }
        await link.stop()
      })()),
  }
}

function subscribeHeaders(
  broker: ActivemqConnectionOptions['broker'],
  { routing }: Destination,
  { name, options }: AdapterSubscription<ActivemqSubscriptionOptions>,
  clientId: string | undefined,
): Readonly<Record<string, string>> {
  const common = {
    receipt: SUBSCRIBED,
    ...(options.selector !== undefined && { selector: options.selector }),
  }
  const isDurable = options.durable && clientId !== undefined
  if (broker === 'classic') {
    return {
      ...common,
      'activemq.prefetchSize': String(options.prefetch ?? CLASSIC_PREFETCH),
      ...(isDurable && { 'activemq.subscriptionName': name }),
    }
  }
  return {
    ...common,
    'consumer-window-size': String(options.prefetch ?? ARTEMIS_PREFETCH),
    ...(routing !== undefined && { 'subscription-type': routing }),
    ...(isDurable && { 'durable-subscription-name': name }),
  }
}
