import mqtt from 'mqtt'
import { afterEach, expect, it } from 'vitest'
import { startEmbeddedBroker } from '../../../adapters/mqtt/embedded-broker.ts'
import { mqttIntegrationOptions } from '../../../adapters/mqtt/options/integration.ts'
import { silentLog } from '../../../src/observe/log.ts'
import type { AdapterService } from '../../../src/ports/adapter.ts'
import type { Log } from '../../../src/ports/log.ts'
import { until } from '../started-adapter.ts'
import { connectClient, startMqtt } from './started-mqtt.ts'

let cleanUps: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  cleanUps = []
})

async function start(port = 0, log: Log = silentLog): Promise<AdapterService> {
  const { embedded_broker: options } = mqttIntegrationOptions.parse({
    embedded_broker: { enabled: true, port },
  })
  const service = await startEmbeddedBroker(options, log)
  if (service === undefined) throw new Error('it was not started')
  cleanUps.push(() => service.stop())
  return service
}

it('is not there unless it is enabled', async () => {
  const { embedded_broker: options } = mqttIntegrationOptions.parse({})
  expect(await startEmbeddedBroker(options, silentLog)).toBeUndefined()
})

it('takes messages for the adapter and gives those that it publishes', async () => {
  const { url } = await start()
  const started = await startMqtt({
    connection: { url, version: '3.1.1' },
    subscriptions: { s: { topics: [{ topic: 'in/#', qos: 2 }] } },
    publications: { p: { topic: 'out' } },
  })
  cleanUps.push(() => started.adapter.stop())
  await until(() => started.adapter.health().status === 'ok')
  const client = await connectClient(url, { protocolVersion: 4 })
  cleanUps.push(() => client.endAsync())
  const got: string[] = []
  client.on('message', (_topic, payload) => got.push(payload.toString()))
  await client.subscribeAsync('out', { qos: 1 })
  for (const qos of [0, 1, 2] as const) await client.publishAsync('in/x', `m${qos}`, { qos })
  await until(() => started.delivered.length === 3)
  expect(started.bodies()).toEqual(['m0', 'm1', 'm2'])
  const message = { id: 'j', contentType: undefined, key: undefined, headers: {}, attempt: 1 }
  const signal = new AbortController().signal
  expect(
    await started.adapter.publish?.(
      'p',
      [{ ...message, payload: Buffer.from('hi'), target: { topic: 'out' } }],
      signal,
    ),
  ).toEqual([{ outcome: 'published' }])
  await until(() => got.length === 1)
})

it('turns a client of MQTT 5 away, and says once what to do', async () => {
  const said: string[] = []
  const { url } = await start(0, { ...silentLog, warn: (_fields, text) => said.push(text) })
  const client = mqtt.connect(url, { protocolVersion: 5, reconnectPeriod: 0 })
  const error = await new Promise<Error>((resolve) => client.once('error', resolve))
  expect(error.message).toMatch(/refused/)
  await client.endAsync(true)
  expect(said).toEqual([expect.stringContaining('the embedded broker speaks MQTT 3.1.1')])
})

it('says which key sets the port where another program has it, and leaves nothing behind', async () => {
  const { url } = await start()
  const port = Number(new URL(url).port)
  await expect(start(port)).rejects.toMatchObject({
    code: 'broker_listen_failed',
    message: expect.stringContaining('integrations.mqtt.embedded_broker.port') as string,
    details: { reason: 'EADDRINUSE', port },
  })
})

it('is refused beyond this machine unless that is asked for', () => {
  const open = { enabled: true, host: '0.0.0.0' }
  expect(mqttIntegrationOptions.safeParse({ embedded_broker: open }).success).toBe(false)
  const meant = { ...open, allow_anonymous: true }
  expect(mqttIntegrationOptions.safeParse({ embedded_broker: meant }).success).toBe(true)
})
