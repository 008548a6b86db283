import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { IPublishPacket, MqttClient } from 'mqtt'
import type { Json } from '../../../src/domain/json.ts'
import type { OutboundMessage } from '../../../src/ports/outbound.ts'
import { freePort } from '../../services/free-port.ts'
import type { MosquittoService } from '../../services/mosquitto-service.ts'
import { startMosquitto } from '../../services/mosquitto.ts'
import { startOrSkip } from '../../services/require.ts'
import { silenceable } from '../../services/silenceable.ts'
import { until } from '../started-adapter.ts'
import { connectClient, startMqtt } from './started-mqtt.ts'
import { swallowingBroker } from './swallowing-broker.ts'

let broker: MosquittoService | undefined
let cleanUps: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  broker = await startOrSkip('mosquitto', () => startMosquitto())
})

afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  cleanUps = []
})

afterAll(() => broker?.stop())

const url = (): string => broker?.url ?? ''
const NEVER = new AbortController().signal

function message(id: string, more: Partial<OutboundMessage> = {}): OutboundMessage {
  return {
    id,
    payload: Buffer.from(`{"id":"${id}"}`),
    contentType: 'application/json',
    key: undefined,
    headers: {},
    target: { topic: 'out' },
    attempt: 1,
    ...more,
  }
}

async function publishing(options: Parameters<typeof startMqtt>[0]) {
  const started = await startMqtt(options)
  cleanUps.push(() => started.adapter.stop())
  const publish = async (messages: readonly OutboundMessage[], signal = NEVER) =>
    (await started.adapter.publish?.('p', messages, signal)) ?? []
  return { ...started, publish }
}

async function receiving(topic: string, options = {}): Promise<IPublishPacket[]> {
  const packets: IPublishPacket[] = []
  const client: MqttClient = await connectClient(url(), options)
  cleanUps.push(() => client.endAsync())
  client.on('message', (_topic, _payload, packet) => packets.push(packet))
  await client.subscribeAsync(topic, { qos: 2 })
  return packets
}

describe('a message that is published over MQTT', () => {
  it.each([1, 2] as const)(
    'is confirmed by the broker, with what it carries (qos %i)',
    async (qos) => {
      if (broker === undefined) return
      const packets = await receiving('out/#')
      const target: Record<string, Json> = {
        topic: 'out/7',
        response_topic: 'answers',
        user_properties: { own: 'x' },
      }
      const { publish, isConnected } = await publishing({
        connection: { url: url() },
        publications: { p: { topic: 'out/{{ key }}', qos, message_expiry: '1m' } },
      })
      await until(isConnected)
      const headers = { traceparent: 't', color: ['red', 'blue'], 'correlation-id': 'c' }
      expect(await publish([message('job-1', { headers, target })])).toEqual([
        { outcome: 'published' },
      ])
      await until(() => packets.length === 1)
      expect(packets[0]).toMatchObject({ topic: 'out/7', qos })
      expect(packets[0]?.properties).toMatchObject({
        contentType: 'application/json',
        responseTopic: 'answers',
        correlationData: Buffer.from('c'),
        userProperties: {
          traceparent: 't',
          color: ['red', 'blue'],
          own: 'x',
          'idempotency-key': 'job-1',
        },
      })
      expect(packets[0]?.properties?.messageExpiryInterval).toBeGreaterThan(50)
    },
  )

  it('goes out in order with many others under way, also with 3.1.1', async ({ skip }) => {
    if (broker === undefined) return skip()
    const packets = await receiving('out')
    const { publish, isConnected } = await publishing({
      connection: { url: url(), version: '3.1.1' },
      publications: { p: { topic: 'out' } },
    })
    await until(isConnected)
    const ids = Array.from({ length: 500 }, (_, n) => `job-${n}`)
    const outcomes = await publish(ids.map((id) => message(id)))
    expect(new Set(outcomes.map(({ outcome }) => outcome))).toEqual(new Set(['published']))
    await until(() => packets.length === 500)
    expect(packets.map(({ payload }) => String(payload))).toEqual(ids.map((id) => `{"id":"${id}"}`))
  })

  it('has not left while there is no broker, and leaves once there is one', async ({ skip }) => {
    if (broker === undefined) return skip()
    const port = await freePort()
    const { publish, isConnected, adapter } = await publishing({
      connection: { url: [`mqtt://127.0.0.1:${port}`] },
      publications: { p: { topic: 'out' } },
    })
    expect(isConnected()).toBe(false)
    expect(await publish([message('a')])).toMatchObject([{ outcome: 'unsent' }])
    await until(() => /ECONNREFUSED/.test(adapter.health().detail ?? ''))
    expect(adapter.health().status).toBe('down')
    const proxy = await silenceable(new URL(url()), port)
    cleanUps.push(() => proxy.close())
    await until(isConnected)
    expect(adapter.health().status).toBe('ok')
    expect(await publish([message('a')])).toEqual([{ outcome: 'published' }])
  })

  it('may have arrived when the answer does not come, or the connection breaks before it', async ({
    skip,
  }) => {
    if (broker === undefined) return skip()
    const proxy = await silenceable(new URL(url()))
    cleanUps.push(() => proxy.close())
    const { publish, isConnected } = await publishing({
      connection: { url: proxy.url.replace(/\/$/, '') },
      publications: { p: { topic: 'out' } },
      timeoutMs: 300,
    })
    await until(isConnected)
    proxy.silence()
    const [slow] = await publish([message('a')])
    expect(slow).toEqual({
      outcome: 'unconfirmed',
      error: 'the broker did not confirm it within 300 ms',
    })
    // A broker that does not answer is left, for a new connection.
    await until(() => !isConnected())
    proxy.speak()
    await until(isConnected)
    proxy.silence()
    const abort = new AbortController()
    const given = publish([message('b')], abort.signal)
    abort.abort()
    expect(await given).toMatchObject([{ outcome: 'unconfirmed' }])
    const cut = publish([message('c')])
    await proxy.close()
    expect(await cut).toMatchObject([
      { outcome: 'unconfirmed', error: expect.stringContaining('the connection broke') as string },
    ])
    await until(() => !isConnected())
  })

  it('finds a new connection where the broker has lost as many answers as it allows under way', async ({
    skip,
  }) => {
    const narrow = await startOrSkip('mosquitto', () => startMosquitto({ maxInFlight: 5 }))
    if (narrow === undefined) return skip()
    cleanUps.push(() => narrow.stop())
    const swallowing = await swallowingBroker(new URL(narrow.url))
    cleanUps.push(() => swallowing.close())
    const { publish, isConnected } = await publishing({
      connection: { url: swallowing.url },
      publications: { p: { topic: 'out' } },
      timeoutMs: 400,
    })
    await until(isConnected)
    const some = Array.from({ length: 12 }, (_, n) => message(`job-${n}`))
    const outcomes = (await publish(some)).map(({ outcome }) => outcome)
    // Its answers came, and were lost; all its places are taken by them.
    expect(outcomes.filter((outcome) => outcome === 'unconfirmed')).toHaveLength(5)
    expect(outcomes.filter((outcome) => outcome === 'unsent')).toHaveLength(7)
    expect(swallowing.swallowed()).toBe(5)
    swallowing.mend()
    await until(() => swallowing.clients() >= 2 && isConnected())
    expect(await publish(some)).toEqual(some.map(() => ({ outcome: 'published' })))
  })

  it('is refused for good where its topic can be none', async ({ skip }) => {
    if (broker === undefined) return skip()
    const { publish, isConnected } = await publishing({
      connection: { url: url() },
      publications: { p: { topic: 'out' } },
    })
    await until(isConnected)
    const bad = message('a', { target: { topic: 'a/#' } })
    expect(await publish([bad, message('b')])).toMatchObject([
      { outcome: 'refused', permanent: true },
      { outcome: 'published' },
    ])
  })

  it.each([1, 2] as const)(
    'is refused where the broker forbids its topic, and those after it go out (qos %i)',
    async (qos) => {
      const guarded = await startOrSkip('mosquitto', () =>
        startMosquitto({ acl: ['topic readwrite allowed/#', 'topic read forbidden/#'] }),
      )
      if (guarded === undefined) return
      cleanUps.push(() => guarded.stop())
      if (!guarded.controllable) return
      const { publish, isConnected } = await publishing({
        connection: { url: guarded.url },
        publications: { p: { topic: 'allowed/1', qos } },
      })
      await until(isConnected)
      expect(await publish([message('a', { target: { topic: 'forbidden/1' } })])).toEqual([
        {
          outcome: 'refused',
          error: 'the broker refuses it: Publish error: Not authorized (0x87)',
          permanent: false,
        },
      ])
      // Mosquitto 2.0.11 closes the connection behind its answer: the next one may be ours already, or not.
      const allowed = message('b', { target: { topic: 'allowed/1' } })
      await until(async () => (await publish([allowed]))[0]?.outcome === 'published')
    },
  )
})
