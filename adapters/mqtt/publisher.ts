import { randomBytes } from 'node:crypto'
import type { AdapterPublication } from '../../src/ports/adapter.ts'
import { adapterPublisher, type AdapterPublisher } from '../../src/ports/adapter-publisher.ts'
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

/** Opens the client, which connects by itself, again and again. It has no session: the database has one. */
export function openPublisher(options: PublisherOptions): AdapterPublisher {
  const { connection, log } = options
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

  return adapterPublisher({
    publications: options.publications,
    problem: () => (link.isConnected() ? undefined : (link.lastReason() ?? 'not connected yet')),
    send: (publication, messages, signal) =>
      Promise.all(messages.map((message) => publishOne(publication, message, signal))),
    leave: () => link.stop(),
  })
}

function unsent(reason: string | undefined): Publishing {
  return { outcome: 'unsent', error: `not connected to the broker: ${reason ?? 'not yet'}` }
}
