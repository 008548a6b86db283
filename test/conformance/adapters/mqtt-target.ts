import { connect, type MqttClient } from 'mqtt'
import { startMosquitto } from '../../services/mosquitto.ts'
import { PACKET_KINDS, packetSplitter } from '../../services/mqtt-packets.ts'
import { startOrSkip } from '../../services/require.ts'
import { type AdapterBed, type AdapterTarget, PRESSED } from './adapter-target.ts'
import { openPassage } from './passage.ts'

/** Less than a case sends. */
const HELD_AT_MOST = 100

/** MQTT 5 on Mosquitto, with one quality of service. */
export function mqttTarget(qos: 1 | 2): AdapterTarget {
  return {
    protocol: `MQTT, quality ${qos}`,
    prefix: 'mqtt',
    cannot: {},
    keyIn: 'dedupekey',
    open: () => open(qos),
  }
}

async function open(qos: 1 | 2): Promise<AdapterBed | undefined> {
  const broker = await startOrSkip('mosquitto', () => startMosquitto())
  if (broker === undefined) return undefined
  const { hostname: host, port } = new URL(broker.url)
  let acknowledged = 0
  let takenIn = 0
  const passage = await openPassage({
    to: () => ({ host, port: Number(port) }),
    program: 'caller',
    watch: () =>
      packetWatch([PACKET_KINDS.puback, PACKET_KINDS.pubrec], () => {
        acknowledged += 1
      }),
    watchOther: () =>
      packetWatch([PACKET_KINDS.publish], () => {
        takenIn += 1
      }),
  })
  const topic = (name: string): string => `conformance/${name}`
  let sender: Promise<MqttClient> | undefined
  return {
    integrations: (handler) => ({
      mqtt: {
        connections: {
          broker: { url: `mqtt://127.0.0.1:${passage.port}`, receive_maximum: HELD_AT_MOST },
        },
        subscriptions: (['json', 'bytes', 'pressed'] as const).map((name) => ({
          name,
          handler,
          ...(name === 'pressed' && PRESSED),
          topics: [{ topic: `${topic(name)}/#`, qos }],
          ...(name === 'bytes' && { content_type: 'binary' }),
        })),
      },
    }),
    reachable: () => undefined,
    send: async (messages, to = 'json') => {
      sender ??= new Promise((resolve) => {
        const client = connect(broker.url, { protocolVersion: 5, reconnectPeriod: 200 })
        client.on('error', () => undefined)
        client.once('connect', () => {
          resolve(client)
        })
      })
      const client = await sender
      await Promise.all(
        messages.map(({ key, line = key, body, headers }) =>
          client.publishAsync(
            `${topic(to)}/${line}`,
            Buffer.from(body ?? Buffer.from(JSON.stringify({ key }))),
            { qos, properties: { userProperties: { ...headers, 'idempotency-key': key } } },
          ),
        ),
      )
    },
    // And the one that makes it full.
    heldAtMost: HELD_AT_MOST + 1,
    takenIn: () => takenIn,
    acknowledged: () => acknowledged,
    holdAcknowledgements: () => {
      passage.hold()
    },
    cut: () => {
      passage.cut()
    },
    ...(broker.controllable && {
      killBroker: () => broker.kill(),
      restartBroker: () => broker.restart(),
    }),
    close: async () => {
      const client = await sender
      await client?.endAsync(true)
      await passage.close()
      await broker.stop()
    },
  }
}

/** Tells of each packet of these kinds in what one side sends. */
function packetWatch(kinds: readonly number[], found: () => void): (bytes: Buffer) => void {
  const split = packetSplitter()
  return (bytes) => {
    for (const { kind } of split(bytes)) if (kinds.includes(kind)) found()
  }
}
