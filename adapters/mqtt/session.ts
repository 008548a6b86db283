import type { IConnackPacket, IPublishPacket, MqttClient } from 'mqtt'
import type { AdapterContext, AdapterSubscription } from '../../src/ports/adapter.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { Log } from '../../src/ports/log.ts'
import {
  acknowledgeOneByOne,
  type Acknowledgements,
  deferAcknowledgements,
  type PacketReceiver,
} from './acknowledgements.ts'
import { type HeldMessage, HeldMessages } from './held-messages.ts'
import { inboundMessage } from './inbound-message.ts'
import { keepConnected, type Link } from './link.ts'
import type { MqttConnectionOptions } from './options/connection.ts'
import type { MqttSubscriptionOptions } from './options/subscription.ts'
import type { PacketIdentities } from './packet-identities.ts'
import { subscribeTo } from './subscribe.ts'

/** What {@link openSession} needs. */
export interface SessionOptions {
  readonly connection: MqttConnectionOptions
  readonly subscription: AdapterSubscription<MqttSubscriptionOptions>
  readonly clientId: string
  /** Whether acknowledgements can wait for the commit while more is read. */
  readonly canDefer: boolean
  /** Of a durable session. */
  readonly packets: PacketIdentities | undefined
  /** Takes what the broker has kept for it, and asks for nothing more: the session of somebody who is gone. */
  readonly isInherited: boolean
  readonly makeOffering: AdapterContext<unknown>['makeOffering']
  readonly clock: Clock
  /** Chance in [0, 1). */
  readonly random: () => number
  readonly log: Log
}

/** One subscription of one client, from the broker to the commit and back. */
export interface Session {
  readonly clientId: string
  isConnected(): boolean
  /** What is wrong, in words; `undefined`: nothing. */
  problem(): string | undefined
  /** For how long nothing has come in while it was connected, in milliseconds. */
  idleMs(): number
  /**
   * Takes nothing in any more, has stored what came in, acknowledges that, and leaves. The broker keeps a
   * durable session, and what it is for.
   */
  stop(): Promise<void>
}

/** Bytes of one subscription that are held unacknowledged, at most, but for one message. */
const MAX_HELD_BYTES = 32 * 1024 * 1024

/** Source: MQTT 5, section 3.8.2.1.2. */
const MAX_SUBSCRIPTION_IDENTIFIER = 268_435_455

/** Opens a session, which connects by itself, again and again. */
export function openSession(options: SessionOptions): Session {
  const { connection, subscription, canDefer, packets, clock, log } = options
  const held = new HeldMessages({ messages: connection.receive_maximum, bytes: MAX_HELD_BYTES })
  const lines = new WeakMap<MqttClient, Acknowledgements>()
  let subscribed: AbortController | undefined
  let pinging: NodeJS.Timeout | undefined
  let trouble: string | undefined = options.isInherited ? undefined : 'not subscribed yet'
  let lastArrival = clock.monotonicMs()
  let isStopping = false
  let hasSubscribed = false

  const offering = options.makeOffering<HeldMessage>({
    flow: subscription.flow,
    before: async () => await packets?.save(),
    isDurable: !connection.clean_start,
    settled: (settled) => {
      held.settled(settled.map((one) => one.held))
    },
    refused: (one) => {
      one.wasRefused = true
    },
    log,
  })

  function published(packet: IPublishPacket, line: Acknowledgements, next: () => void): void {
    lastArrival = clock.monotonicMs()
    // What comes after the goodbye is left to the broker, which sends it again.
    if (isStopping) return
    const message = inboundMessage(packet, subscription.name)
    const identified = packets?.identify(packet, message) ?? message
    const one = held.take(packet, identified, line, next)
    if (one === undefined) return
    if (packet.retain && subscription.options.retained === 'ignore') held.settled([one])
    else offering.add(one)
  }

  function prepare(client: MqttClient): void {
    const receiver: PacketReceiver = {
      published: (packet, next) => {
        published(packet, line, next)
      },
      released: (packetId) => {
        const done = (): void => {
          held.released(packetId)
          if (line.isOpen()) line.released(packetId)
        }
        if (packets === undefined) done()
        else packets.release(packetId, done)
      },
    }
    const line = canDefer
      ? deferAcknowledgements(client, receiver)
      : acknowledgeOneByOne(client, receiver)
    lines.set(client, line)
  }

  /** By which packets of this session are told from those of a former one: see {@link PacketIdentities}. */
  function subscriptionIdentifier({ properties }: IConnackPacket): number | undefined {
    const isAvailable =
      connection.version === '5' && properties?.subscriptionIdentifiersAvailable !== false
    if (packets === undefined || !isAvailable) return undefined
    return 1 + Math.floor(options.random() * MAX_SUBSCRIPTION_IDENTIFIER)
  }

  function up(client: MqttClient, packet: IConnackPacket): void {
    const { sessionPresent: isResumed } = packet
    lastArrival = clock.monotonicMs()
    if (!isResumed) {
      held.sessionIsNew()
      packets?.clear()
    }
    // As it stands in the configuration now; a session that goes on keeps what it has.
    if (!options.isInherited && !(isResumed && hasSubscribed)) {
      subscribed = new AbortController()
      subscribeTo({
        client,
        options: subscription.options,
        version: connection.version,
        maxQos: canDefer ? 2 : 1,
        identifier: subscriptionIdentifier(packet),
        signal: subscribed.signal,
        log,
        told: (problem) => {
          trouble = problem
          hasSubscribed = problem === undefined
        },
      })
    }
    pinging = setInterval(() => {
      askInstead(client)
    }, connection.keepalive / 2)
  }

  /**
   * While nothing is read, the broker's answers to pings are not either, and the library would take it for
   * dead: we ask by ourselves, so that the broker hears of us, and expect no answer.
   */
  function askInstead(client: MqttClient): void {
    if (canDefer && !held.isFull) return
    client.sendPing()
    client.reschedulePing(true)
  }

  function down(client: MqttClient): void {
    subscribed?.abort()
    clearInterval(pinging)
    const line = lines.get(client)
    if (line !== undefined) held.disconnected(line)
  }

  const link: Link = keepConnected({
    connection,
    role: { clientId: options.clientId, isClean: connection.clean_start, hasWill: false },
    clock,
    random: options.random,
    prepare,
    up,
    down,
    log,
  })

  let stopping: Promise<void> | undefined
  return {
    clientId: options.clientId,
    isConnected: () => link.isConnected(),
    problem: () => (link.isConnected() ? trouble : (link.lastReason() ?? 'not connected yet')),
    idleMs: () => (held.count === 0 ? clock.monotonicMs() - lastArrival : 0),
    stop: () =>
      (stopping ??= (async () => {
        isStopping = true
        subscribed?.abort()
        await offering.finish()
        await link.stop()
        await packets?.close()
        clearInterval(pinging)
      })()),
  }
}
