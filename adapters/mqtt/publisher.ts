import { randomBytes } from 'node:crypto'
import type { MqttClient } from 'mqtt'
import { errorMessage } from '../../src/domain/errors.ts'
import type { AdapterPublication } from '../../src/ports/adapter.ts'
import type { Log } from '../../src/ports/log.ts'
import type { OutboundMessage, Publishing } from '../../src/ports/outbound.ts'
import { keepConnected } from './link.ts'
import type { MqttConnectionOptions } from './options/connection.ts'
import type { MqttPublicationOptions } from './options/publication.ts'
import { outboundPacket } from './outbound-packet.ts'
import { refusal } from './refusals.ts'

/** What {@link openPublisher} needs. */
export interface PublisherOptions {
  readonly connection: MqttConnectionOptions
  readonly publications: readonly AdapterPublication<MqttPublicationOptions>[]
  /** `instance.name`. */
  readonly instanceName: string
  readonly connected: (isConnected: boolean) => void
  readonly log: Log
}

/** The client that publishes, apart from those that receive: neither waits for the other. */
export interface Publisher {
  isConnected(): boolean
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
  const underWay = new Map<MqttClient, Set<(why: string) => void>>()
  const calls = new Set<Promise<unknown>>()
  let client: MqttClient | undefined

  const name = connection.client_id ?? options.instanceName
  const link = keepConnected({
    connection,
    role: {
      clientId: `${name}-out-${randomBytes(6).toString('hex')}`,
      isClean: true,
      hasWill: true,
    },
    up: (one) => {
      client = one
      underWay.set(one, new Set())
      options.connected(true)
    },
    down: (one, reason) => {
      if (client === one) client = undefined
      options.connected(false)
      for (const settle of underWay.get(one) ?? []) settle(reason)
      underWay.delete(one)
    },
    log,
  })

  function publishOne(
    publication: AdapterPublication<MqttPublicationOptions>,
    message: OutboundMessage,
    signal: AbortSignal,
  ): Promise<Publishing> {
    const one = client
    if (one === undefined) return Promise.resolve(unsent(link.lastReason()))
    const made = outboundPacket(publication.options, message, connection.version)
    if (!made.ok) {
      return Promise.resolve({ outcome: 'refused', error: made.problem, permanent: true })
    }
    const { topic, payload, options: packet } = made
    return new Promise((resolve) => {
      const settlers = underWay.get(one)
      const settle = (publishing: Publishing): void => {
        clearTimeout(timer)
        settlers?.delete(cut)
        signal.removeEventListener('abort', given)
        resolve(publishing)
      }
      const unconfirmed = (error: string): void => {
        settle({ outcome: 'unconfirmed', error })
      }
      const cut = (why: string): void => {
        unconfirmed(`the connection broke before the broker confirmed it: ${why}`)
      }
      const given = (): void => {
        unconfirmed('nobody waited for the confirmation any more')
      }
      const timer = setTimeout(() => {
        unconfirmed(`the broker did not confirm it within ${publication.timeoutMs} ms`)
      }, publication.timeoutMs)
      settlers?.add(cut)
      signal.addEventListener('abort', given)
      one.publish(topic, payload, packet, (error) => {
        settle(error === undefined || error === null ? { outcome: 'published' } : refusal(error))
      })
    })
  }

  return {
    isConnected: () => link.isConnected(),
    problem: () => (link.isConnected() ? undefined : (link.lastReason() ?? 'not connected yet')),
    publish: async (publication, messages, signal) => {
      const found = publications.get(publication)
      if (found === undefined) return messages.map(() => unsent(`no publication ${publication}`))
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
