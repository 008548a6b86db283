import { connect, type MqttClient } from 'mqtt'
import { startMosquitto } from '../../services/mosquitto.ts'
import { startOrSkip } from '../../services/require.ts'
import { type AdapterBed, type AdapterTarget, PRESSED } from './adapter-target.ts'
import { openPassage } from './passage.ts'

/** Less than a case sends. */
const HELD_AT_MOST = 100

const [PUBLISH, PUBACK, PUBREC] = [3, 4, 5]

/** MQTT 5 on Mosquitto, with one quality of service. */
export function mqttTarget(qos: 1 | 2): AdapterTarget {
  return { protocol: `MQTT, quality ${qos}`, prefix: 'mqtt', cannot: {}, open: () => open(qos) }
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
      packetWatch([PUBACK, PUBREC], () => {
        acknowledged += 1
      }),
    watchOther: () =>
      packetWatch([PUBLISH], () => {
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
  let pending = Buffer.alloc(0)
  return (bytes) => {
    pending = Buffer.concat([pending, bytes])
    for (;;) {
      // One byte of kind, then the length in groups of seven bits, the lowest first.
      let length = 0
      let at = 1
      for (; at < pending.length; at += 1) {
        const byte = pending[at] ?? 0
        length += (byte & 0x7f) << (7 * (at - 1))
        if ((byte & 0x80) === 0) break
      }
      const end = at + 1 + length
      if (at >= pending.length || end > pending.length) return
      const kind = (pending[0] ?? 0) >> 4
      if (kinds.includes(kind)) found()
      pending = pending.subarray(end)
    }
  }
}
