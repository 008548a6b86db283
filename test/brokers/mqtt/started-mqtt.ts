import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import type { z } from 'zod'
import { mqttAdapter } from '../../../adapters/mqtt/index.ts'
import { mqttConnectionOptions } from '../../../adapters/mqtt/options/connection.ts'
import { mqttPublicationOptions } from '../../../adapters/mqtt/options/publication.ts'
import { mqttSubscriptionOptions } from '../../../adapters/mqtt/options/subscription.ts'
import { CrossdockError } from '../../../src/domain/errors.ts'
import type { InboundMessage } from '../../../src/domain/message.ts'
import { silentLog } from '../../../src/observe/log.ts'
import type { Delivery, RunningAdapter } from '../../../src/ports/adapter.ts'
import type { ClientSlots, KnownPacket, PacketMemory } from '../../../src/ports/client-slots.ts'
import { OPEN_FLOW, type Flow } from '../../../src/ports/flow.ts'
import type { Log } from '../../../src/ports/log.ts'
import { adapterTools } from '../../services/adapter-tools.ts'

/** The MQTT adapter at work, and what it has delivered. */
export interface StartedMqtt {
  readonly adapter: RunningAdapter
  readonly delivered: InboundMessage[]
  /** What `connected` was last told. */
  isConnected(): boolean
  /** Resolves when this holds; looks after each delivery, and every few milliseconds. */
  until(holds: () => boolean): Promise<void>
  bodies(): readonly string[]
}

/** What {@link startMqtt} starts. */
export interface StartedMqttOptions {
  readonly connection: z.input<typeof mqttConnectionOptions>
  readonly subscriptions?: Readonly<Record<string, z.input<typeof mqttSubscriptionOptions>>>
  readonly publications?: Readonly<Record<string, z.input<typeof mqttPublicationOptions>>>
  readonly deliver?: (messages: readonly InboundMessage[]) => Promise<readonly Delivery[]>
  readonly flow?: Flow
  readonly slots?: ClientSlots
  readonly instanceName?: string
  readonly timeoutMs?: number
  readonly log?: Log
}

/** Every message of a delivery as stored. */
export async function stored(messages: readonly InboundMessage[]): Promise<readonly Delivery[]> {
  return messages.map((_, index) => ({ outcome: 'stored', jobId: `job ${index}` }))
}

/** Slots of one process, in memory: those of the database have their own tests. */
export interface MemorySlots extends ClientSlots {
  readonly packets: Map<number, string>
  /** Nothing can be written, as with a database that is out of reach. */
  isAway: boolean
}

/** Makes {@link MemorySlots}. */
export function memorySlots(): MemorySlots {
  const packets = new Map<number, string>()
  const mustBeThere = (): void => {
    if (slots.isAway) throw new CrossdockError('database_unavailable', 'away', { retryable: true })
  }
  const memory: PacketMemory = {
    all: async () =>
      [...packets].map(([packetId, identity]): KnownPacket => ({ packetId, identity })),
    remember: async (some) => {
      mustBeThere()
      for (const { packetId, identity } of some) packets.set(packetId, identity)
    },
    forget: async (ids) => {
      mustBeThere()
      for (const id of ids ?? [...packets.keys()]) packets.delete(id)
    },
  }
  const slots: MemorySlots = {
    packets,
    isAway: false,
    take: async ({ name, abandoned }) =>
      abandoned === true
        ? undefined
        : {
            name,
            slot: 0,
            packets: memory,
            onLost: () => undefined,
            release: async () => undefined,
          },
  }
  return slots
}

/** Starts the adapter for one connection. */
export async function startMqtt(options: StartedMqttOptions): Promise<StartedMqtt> {
  const delivered: InboundMessage[] = []
  let isConnected = false
  const deliver = options.deliver ?? stored
  const adapter = await mqttAdapter.start({
    connection: { name: 'broker', options: mqttConnectionOptions.parse(options.connection) },
    subscriptions: Object.entries(options.subscriptions ?? {}).map(([name, given]) => ({
      name,
      contentType: 'json',
      options: mqttSubscriptionOptions.parse(given),
      flow: options.flow ?? OPEN_FLOW,
    })),
    publications: Object.entries(options.publications ?? {}).map(([name, given]) => ({
      name,
      options: mqttPublicationOptions.parse(given),
      timeoutMs: options.timeoutMs ?? 5_000,
    })),
    ...adapterTools({
      deliver: async (messages) => {
        const deliveries = await deliver(messages)
        deliveries.forEach(({ outcome }, index) => {
          const message = messages[index]
          if (message !== undefined && outcome !== 'refused') delivered.push(message)
        })
        return deliveries
      },
    }),
    http: {
      route: () => undefined,
      port: () => {
        throw new Error('MQTT has no HTTP port')
      },
    },
    jobs: { untilEnded: async () => ({ ended: false, status: undefined }) },
    slots: options.slots ?? memorySlots(),
    instance: { name: options.instanceName ?? 'test', id: 'test-1' },
    log: options.log ?? silentLog,
    connected: (is) => (isConnected = is),
    failed: () => undefined,
  })
  return {
    adapter,
    delivered,
    isConnected: () => isConnected,
    until,
    bodies: () => delivered.map(({ body }) => Buffer.from(body).toString()),
  }
}

/** Resolves when this holds. @throws Error after 20 seconds */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!(await holds())) {
    if (performance.now() > deadline)
      throw new Error(`it did not come to hold: ${holds.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Another client of the broker. */
export async function connectClient(
  url: string,
  options: IClientOptions = {},
): Promise<MqttClient> {
  const client = mqtt.connect(url, { protocolVersion: 5, reconnectPeriod: 0, ...options })
  client.on('error', () => undefined)
  await connected(client)
  return client
}

/** Resolves when the broker has accepted this client. */
export function connected(client: MqttClient): Promise<void> {
  return new Promise((resolve) => {
    client.once('connect', () => {
      resolve()
    })
  })
}
