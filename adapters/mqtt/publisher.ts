import { randomBytes } from 'node:crypto'
import type { AdapterPublication } from '../../src/ports/adapter.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { Log } from '../../src/ports/log.ts'
import type { OutboundMessage, Publishing } from '../../src/ports/outbound.ts'
import { keepConnected } from './link.ts'
import type { MqttConnectionOptions } from './options/connection.ts'
import type { MqttPublicationOptions } from './options/publication.ts'
import { OutboundConnection } from './outbound-connection.ts'
import { outboundPacket } from './outbound-packet.ts'

/** What {@link openPublisher} needs. */
export interface PublisherOptions {
  readonly connection: MqttConnectionOptions
  readonly publications: readonly AdapterPublication<MqttPublicationOptions>[]
  /** `instance.name`. */
  readonly instanceName: string
  readonly connected: (isConnected: boolean) => void
  readonly clock: Clock
  /** Chance in [0, 1). */
  readonly random: () => number
  readonly log: Log
}

/** The client that publishes, apart from those that receive: neither waits for the other. */
export interface Publisher {
  problem(): string | undefined
  publish(
    publication: string,
    messages: readonly OutboundMessage[],
    signal: AbortSignal,
  ): Promise<readonly Publishing[]>
  /** Waits for what is being confirmed, and leaves. May be called twice. */
  stop(): Promise<void>
}

/** Opens the client, which connects by itself, again and again. It has no session: the database has one. */
export function openPublisher(options: PublisherOptions): Publisher {
  const { connection, log } = options
  const publications = new Map(options.publications.map((one) => [one.name, one]))
  const calls = new Set<Promise<unknown>>()
  let current: OutboundConnection | undefined

  const name = connection.client_id ?? options.instanceName
  const link = keepConnected({
    connection,
    role: {
      clientId: `${name}-out-${randomBytes(6).toString('hex')}`,
      isClean: true,
      hasWill: true,
    },
    up: (client, packet) => {
      current = new OutboundConnection(client, packet, (reason) => {
        link.cut(reason)
      })
      options.connected(true)
    },
    down: (_client, reason) => {
      const broken = current
      current = undefined
      options.connected(false)
      broken?.cut(reason)
    },
    clock: options.clock,
    random: options.random,
    log,
  })

  async function publishOne(
    { options: own, timeoutMs }: AdapterPublication<MqttPublicationOptions>,
    message: OutboundMessage,
    signal: AbortSignal,
  ): Promise<Publishing> {
    if (current === undefined) return unsent(link.lastReason())
    const packet = outboundPacket(own, message, connection.version)
    if (!packet.ok) return { outcome: 'refused', error: packet.problem, permanent: true }
    return await current.publish(packet, { timeoutMs, signal })
  }

  return {
    problem: () => (link.isConnected() ? undefined : (link.lastReason() ?? 'not connected yet')),
    publish: async (publication, messages, signal) => {
      const found = publications.get(publication)
      if (found === undefined) {
        const error = `there is no publication ${publication} here`
        return messages.map(() => ({ outcome: 'unsent', error }))
      }
      const call = Promise.all(messages.map((message) => publishOne(found, message, signal)))
      calls.add(call)
      try {
        return await call
      } finally {
        calls.delete(call)
      }
    },
    stop: async () => {
      await Promise.allSettled(calls)
      await link.stop()
    },
  }
}

function unsent(reason: string | undefined): Publishing {
  return { outcome: 'unsent', error: `not connected to the broker: ${reason ?? 'not yet'}` }
}
