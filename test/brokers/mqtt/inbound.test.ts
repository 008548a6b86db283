import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import mqtt, { type MqttClient } from 'mqtt'
import { deferAcknowledgements } from '../../../adapters/mqtt/acknowledgements.ts'
import { CrossdockError } from '../../../src/domain/errors.ts'
import type { InboundMessage } from '../../../src/domain/message.ts'
import type { Delivery } from '../../../src/ports/adapter.ts'
import type { Flow } from '../../../src/ports/flow.ts'
import type { MosquittoService } from '../../services/mosquitto-service.ts'
import { startMosquitto } from '../../services/mosquitto.ts'
import { startOrSkip } from '../../services/require.ts'
import { type StartedAdapter, stored, until } from '../started-adapter.ts'
import { connectClient, connected, packetSlots, startMqtt } from './started-mqtt.ts'
import type { StartedMqttOptions } from './started-mqtt.ts'

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

async function start(
  options: Omit<StartedMqttOptions, 'connection'> & {
    readonly connection?: Partial<StartedMqttOptions['connection']>
  },
): Promise<StartedAdapter> {
  const started = await startMqtt({
    instanceName: `t${Math.random().toString(36).slice(2)}`,
    ...options,
    connection: { url: url(), ...options.connection },
  })
  cleanUps.push(() => started.adapter.stop())
  await until(() => started.adapter.health().status === 'ok')
  return started
}

async function client(options = {}): Promise<MqttClient> {
  const one = await connectClient(url(), options)
  cleanUps.push(() => one.endAsync())
  return one
}

describe('messages over MQTT', () => {
  it('come in with topic, properties and facts, repeated names as arrays', async ({ skip }) => {
    if (broker === undefined) return skip()
    const { delivered } = await start({ subscriptions: { s: { topics: ['a/+/c'] } } })
    const sender = await client()
    await sender.publishAsync('a/b/c', Buffer.from([0, 255, 1]), {
      qos: 1,
      properties: {
        contentType: 'application/x-thing',
        correlationData: Buffer.from('corr-1'),
        responseTopic: 'answers',
        userProperties: { 'idempotency-key': 'k1', color: ['red', 'blue'], One: '1' },
      },
    })
    await until(() => delivered.length === 1)
    expect(delivered[0]).toEqual({
      protocol: 'mqtt',
      subscription: 's',
      method: 'a/b/c',
      body: Buffer.from([0, 255, 1]),
      contentType: 'application/x-thing',
      headers: { 'idempotency-key': 'k1', color: ['red', 'blue'], One: '1' },
      identity: 'k1',
      traceparent: undefined,
      correlationId: 'corr-1',
      facts: {
        topic: 'a/b/c',
        qos: 1,
        retain: false,
        dup: false,
        response_topic: 'answers',
        correlation_data: 'corr-1',
      },
    })
  })

  it.each(['3.1.1', '5'] as const)(
    'that two subscriptions want are one row of each (%s)',
    async (version) => {
      if (broker === undefined) return
      const { delivered } = await start({
        connection: { version },
        subscriptions: {
          all: { topics: ['o/#', 'else'] },
          one: { topics: [{ topic: 'o/+/x', qos: 2 }] },
        },
      })
      const sender = await client()
      for (let n = 0; n < 5; n += 1) await sender.publishAsync('o/1/x', `${n}`, { qos: 1 })
      await until(() => delivered.length >= 10)
      await new Promise((resolve) => setTimeout(resolve, 100))
      const of = (name: string) =>
        delivered.filter((m) => m.subscription === name).map((m) => Buffer.from(m.body).toString())
      expect(of('all')).toEqual(['0', '1', '2', '3', '4'])
      expect(of('one')).toEqual(['0', '1', '2', '3', '4'])
    },
  )

  it.each([
    ['3.1.1', 1],
    ['3.1.1', 2],
    ['5', 1],
    ['5', 2],
  ] as const)(
    'are acknowledged when they are stored and not before, many at once (%s, qos %i)',
    async (version, qos) => {
      if (broker === undefined) return
      const gate = Promise.withResolvers<undefined>()
      const instanceName = `t${Math.random().toString(36).slice(2)}`
      const asked: InboundMessage[] = []
      const started = await start({
        instanceName,
        connection: { version },
        subscriptions: { s: { topics: [{ topic: 'd/#', qos }] } },
        deliver: async (messages) => {
          asked.push(...messages)
          await gate.promise
          return await stored(messages)
        },
      })
      const sender = await client()
      await Promise.all(
        Array.from({ length: 100 }, (_, n) => sender.publishAsync(`d/${n}`, String(n), { qos: 2 })),
      )
      // Several calls wait at once, each for messages of its own; the others wait for one of them.
      await until(() => asked.length >= 4)
      // Who takes over the session is sent what was not acknowledged.
      expect(await leftInSession(`${instanceName}-s-0`, version)).toBe(100)
      gate.resolve(undefined)
      await until(() => started.adapter.health().status === 'ok')
      // Behind all those that the broker sends again.
      await sender.publishAsync('d/last', 'last', { qos: 2 })
      await until(() => started.delivered.length === 101)
      await started.adapter.stop()
      expect(await leftInSession(`${instanceName}-s-0`, version)).toBe(0)
      expect(asked).toHaveLength(101)
    },
  )

  it('that were refused are offered again, and others of their topic wait for them', async ({
    skip,
  }) => {
    if (broker === undefined) return skip()
    let refusals = 0
    const { bodies } = await start({
      subscriptions: { s: { topics: ['r/#'] } },
      deliver: async (messages) =>
        await Promise.all(
          messages.map(async (message): Promise<Delivery> => {
            if (Buffer.from(message.body).toString() === 'bad' && refusals < 2) {
              refusals += 1
              const error = new CrossdockError('database_locked', 'held', { retryable: true })
              return { outcome: 'refused', error }
            }
            return { outcome: 'stored', jobId: 'j' }
          }),
        ),
    })
    const sender = await client()
    await sender.publishAsync('r/1', 'bad', { qos: 1 })
    await until(() => refusals > 0)
    await sender.publishAsync('r/1', 'after', { qos: 1 })
    await sender.publishAsync('r/2', 'other', { qos: 1 })
    await until(() => bodies().length === 3)
    expect(bodies()).toEqual(['other', 'bad', 'after'])
  })

  it('that were not stored when the connection broke come again, once each', async ({ skip }) => {
    if (broker?.controllable !== true) return skip()
    const gate = Promise.withResolvers<undefined>()
    let isOpen = false
    const seen: InboundMessage[] = []
    const started = await start({
      subscriptions: {
        s: {
          topics: [
            { topic: 'k1/#', qos: 1 },
            { topic: 'k2/#', qos: 2 },
          ],
        },
      },
      deliver: async (messages) => {
        seen.push(...messages)
        if (!isOpen) await gate.promise
        return await stored(messages)
      },
    })
    const sender = await client()
    for (let n = 0; n < 20; n += 1) {
      await sender.publishAsync(`k1/${n}`, String(n), { qos: 1 })
      await sender.publishAsync(`k2/${n}`, String(100 + n), { qos: 2 })
    }
    await until(() => seen.length > 0)
    await broker.restart()
    await until(() => started.adapter.health().status === 'ok')
    isOpen = true
    gate.resolve(undefined)
    await until(() => started.delivered.length >= 40)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(started.bodies().toSorted((a, b) => Number(a) - Number(b))).toEqual([
      ...Array.from({ length: 20 }, (_, n) => String(n)),
      ...Array.from({ length: 20 }, (_, n) => String(100 + n)),
    ])
    const again = await client()
    await again.publishAsync('k1/1', 'later', { qos: 1 })
    await until(() => started.delivered.length === 41)
  })

  it('of quality 2 keep their identity over the end of the process', async ({ skip }) => {
    if (broker === undefined) return skip()
    const slots = packetSlots()
    const instanceName = `t${Math.random().toString(36).slice(2)}`
    const identities: (string | undefined)[] = []
    const never = Promise.withResolvers<readonly Delivery[]>()
    await start({
      instanceName,
      slots,
      subscriptions: { s: { topics: [{ topic: 'q2', qos: 2 }] } },
      deliver: (messages) => {
        identities.push(...messages.map(({ identity }) => identity))
        return never.promise
      },
    })
    // Before its adapter is stopped, which waits for it.
    cleanUps.push(async () => {
      never.resolve([{ outcome: 'stored', jobId: 'j' }])
    })
    const sender = await client()
    await sender.publishAsync('q2', 'x', { qos: 2 })
    await until(() => identities.length === 1)
    // The same client id on another connection: as a process that starts again after a crash.
    const second = await startMqtt({
      instanceName,
      slots,
      connection: { url: url() },
      subscriptions: { s: { topics: [{ topic: 'q2', qos: 2 }] } },
    })
    cleanUps.push(() => second.adapter.stop())
    await until(() => second.delivered.length === 1)
    expect(second.delivered[0]?.identity).toBe(identities[0])
    expect(identities[0]).toMatch(/^packet\//)
    never.resolve([{ outcome: 'stored', jobId: 'j' }])
    await until(() => slots.packets.size === 0)
  })

  it('of quality 2 are not taken for those of a lost session that nobody could strike out', async ({
    skip,
  }) => {
    if (broker === undefined) return skip()
    const slots = packetSlots()
    const instanceName = `t${Math.random().toString(36).slice(2)}`
    const options = {
      instanceName,
      slots,
      subscriptions: { s: { topics: [{ topic: `${instanceName}/lost`, qos: 2 as const }] } },
    }
    const first = await start({
      ...options,
      deliver: async () => {
        throw new CrossdockError('database_unavailable', 'away', { retryable: true })
      },
    })
    const sender = await client()
    await sender.publishAsync(`${instanceName}/lost`, 'same', { qos: 2 })
    await until(() => slots.packets.size === 1)
    const [earlier] = [...slots.packets]
    // The broker loses the session while the database is away, and its messages with it.
    slots.isAway = true
    const usurper = await connectClient(url(), { clientId: `${instanceName}-s-0`, clean: true })
    await usurper.endAsync()
    await until(() => first.adapter.health().status !== 'ok')
    await until(() => first.adapter.health().status === 'ok')
    await sender.publishAsync(`${instanceName}/lost`, 'same', { qos: 2 })
    await first.adapter.stop()
    expect([...slots.packets]).toEqual([earlier])
    // A process that starts again finds a session, and rows that are another one's.
    slots.isAway = false
    const second = await start(options)
    await until(() => second.delivered.length === 1)
    expect(second.delivered[0]?.facts).toMatchObject({ dup: true })
    expect(second.delivered[0]?.identity).toMatch(/^packet\//)
    expect(second.delivered[0]?.identity).not.toBe(`packet/${earlier?.[1]}`)
    await until(() => slots.packets.size === 0)
  })
})

/** Takes over a session and says how many messages come again; acknowledges none, and leaves it as it was. */
async function leftInSession(clientId: string, version: '3.1.1' | '5'): Promise<number> {
  const seen = new Set<string>()
  const one = mqtt.connect(url(), {
    clientId,
    clean: false,
    protocolVersion: version === '5' ? 5 : 4,
    reconnectPeriod: 0,
    manualConnect: true,
    ...(version === '5' && { properties: { sessionExpiryInterval: 100, receiveMaximum: 1_000 } }),
  })
  deferAcknowledgements(one, {
    published: (packet, next) => {
      seen.add(packet.topic)
      next()
    },
    released: () => undefined,
  })
  one.connect()
  await connected(one)
  let before = -1
  while (seen.size !== before) {
    before = seen.size
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  await one.endAsync(true)
  return seen.size
}

describe('a subscription that takes nothing in', () => {
  it('holds a bounded number of messages, leaves the rest to the broker, and stays connected', async ({
    skip,
  }) => {
    if (broker === undefined) return skip()
    let isClosed = true
    const listeners = new Set<() => void>()
    const flow: Flow = {
      closed: () => (isClosed ? { reason: 'paused', retryAfterMs: 60_000 } : undefined),
      onChange: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    }
    const instanceName = `t${Math.random().toString(36).slice(2)}`
    const started = await start({
      flow,
      instanceName,
      // With 3.1.1 the broker is not told of the limit, and has one of 1,000; the line is asked after each second.
      connection: { version: '3.1.1', receive_maximum: 50, keepalive: 1 },
      subscriptions: { s: { topics: [{ topic: 'paused', qos: 1 }] } },
    })
    const sender = await client()
    const body = Buffer.alloc(10_000, 'x')
    await Promise.all(
      Array.from({ length: 900 }, () => sender.publishAsync('paused', body, { qos: 1 })),
    )
    // Longer than the broker and the client wait for a line that says nothing.
    await new Promise((resolve) => setTimeout(resolve, 3_500))
    expect(started.adapter.health().status).toBe('ok')
    expect(started.delivered).toEqual([])
    isClosed = false
    for (const listener of listeners) listener()
    await until(() => started.delivered.length === 900)
    await started.adapter.stop()
    expect(started.delivered).toHaveLength(900)
    expect(await leftInSession(`${instanceName}-s-0`, '3.1.1')).toBe(0)
  })
})
