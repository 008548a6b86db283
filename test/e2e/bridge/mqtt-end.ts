import mqtt from 'mqtt'
import { startMosquitto } from '../../services/mosquitto.ts'
import { startOrSkip } from '../../services/require.ts'
import { type Arrival, type BridgeEnd, inLowerCase, type Kind } from './bridge-end.ts'

/** MQTT 5 on Mosquitto. */
export async function openMqttEnd(): Promise<BridgeEnd | undefined> {
  const broker = await startOrSkip('mosquitto', () => startMosquitto())
  if (broker === undefined) return undefined
  const prefix = `bridge/${Math.random().toString(36).slice(2)}`
  const client = await mqtt.connectAsync(broker.url, { protocolVersion: 5 })
  const arrivals: Arrival[] = []
  client.on('message', (topic, body, { properties = {} }) => {
    arrivals.push({
      kind: topic.split('/').at(-1) as Kind,
      body,
      contentType: properties.contentType,
      headers: {
        ...inLowerCase(properties.userProperties ?? {}),
        'correlation-data': properties.correlationData?.toString() ?? '',
      },
    })
  })
  await client.subscribeAsync(`${prefix}/from-bridge/#`, { qos: 1 })
  return {
    protocol: 'mqtt',
    connections: { broker: { url: broker.url } },
    subscription: (intake) => ({ topics: [`${prefix}/to-bridge/${intake}`] }),
    publication: (kind) => ({ topic: `${prefix}/from-bridge/${kind}` }),
    reachable: () => undefined,
    put: async ({ intake, body, contentType, headers }) => {
      await client.publishAsync(`${prefix}/to-bridge/${intake}`, body, {
        qos: 1,
        properties: { contentType, userProperties: { ...headers } },
      })
    },
    arrivals: async () => arrivals,
    close: async () => {
      await client.endAsync(true)
      await broker.stop()
    },
  }
}
