import { connect, type MqttClient } from 'mqtt'
import { startMosquitto } from '../../services/mosquitto.ts'
import { startOrSkip } from '../../services/require.ts'
import type { AdapterBed, AdapterTarget } from './adapter-target.ts'
import { openPassage } from './passage.ts'

/** MQTT 5 on Mosquitto, with one quality of service. */
export function mqttTarget(qos: 1 | 2): AdapterTarget {
  return { protocol: `MQTT, quality ${qos}`, cannot: {}, open: () => open(qos) }
}

async function open(qos: 1 | 2): Promise<AdapterBed | undefined> {
  const broker = await startOrSkip('mosquitto', () => startMosquitto())
  if (broker === undefined) return undefined
  const { hostname: host, port } = new URL(broker.url)
  let acknowledged = 0
  const passage = await openPassage({
    to: () => ({ host, port: Number(port) }),
    program: 'caller',
    watch: () =>
      acknowledgementWatch(() => {
        acknowledged += 1
      }),
  })
  const topic = (name: string): string => `conformance/${name}`
  let sender: Promise<MqttClient> | undefined
  return {
    integrations: (handler) => ({
      mqtt: {
        connections: { broker: { url: `mqtt://127.0.0.1:${passage.port}` } },
        subscriptions: (['json', 'bytes'] as const).map((name) => ({
          name,
          handler,
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

/** Counts PUBACK and PUBREC in what a client sends. */
function acknowledgementWatch(found: () => void): (bytes: Buffer) => void {
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
      if (kind === 4 || kind === 5) found()
      pending = pending.subarray(end)
    }
  }
}
