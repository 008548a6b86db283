import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { mqttAdapter } from '../../../adapters/mqtt/index.ts'
import type { mqttConnectionOptions } from '../../../adapters/mqtt/options/connection.ts'
import type { mqttPublicationOptions } from '../../../adapters/mqtt/options/publication.ts'
import type { mqttSubscriptionOptions } from '../../../adapters/mqtt/options/subscription.ts'
import { CrossdockError } from '../../../src/domain/errors.ts'
import type { ClientSlots, KnownPacket, PacketMemory } from '../../../src/ports/client-slots.ts'
import {
  startAdapter,
  type StartedAdapter,
  type StartedAdapterOptions,
} from '../started-adapter.ts'

/** What {@link startMqtt} starts. */
export type StartedMqttOptions = StartedAdapterOptions<
  typeof mqttSubscriptionOptions,
  typeof mqttConnectionOptions,
  typeof mqttPublicationOptions
>

/** Slots of one process, in memory, which may be taken twice: as by a process that starts again after a crash. */
export interface PacketSlots extends ClientSlots {
  readonly packets: Map<number, string>
  /** Nothing can be written, as with a database that is out of reach. */
  isAway: boolean
}

/** Makes {@link PacketSlots}. */
export function packetSlots(): PacketSlots {
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
  const slots: PacketSlots = {
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

/** Starts the MQTT adapter for one connection. */
export async function startMqtt(options: StartedMqttOptions): Promise<StartedAdapter> {
  return await startAdapter(mqttAdapter, { slots: packetSlots(), ...options })
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
