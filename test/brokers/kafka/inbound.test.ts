import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { CrossdockError } from '../../../src/domain/errors.ts'
import type { Flow } from '../../../src/ports/flow.ts'
import { groupOffsets } from '../../services/kafka-admin.ts'
import type { KafkaService } from '../../services/kafka-service.ts'
import { startOrSkip } from '../../services/require.ts'
import { sharedKafka } from '../../services/shared-servers.ts'
import { stored, until } from '../started-adapter.ts'
import {
  freshName,
  kafkaClient,
  makeTopics,
  sendTexts,
  startKafkaAdapter,
  type StartedKafka,
  type StartedKafkaOptions,
} from './started-kafka.ts'

let broker: KafkaService | undefined
let cleanUps: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  broker = await startOrSkip('kafka', sharedKafka)
})

afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  cleanUps = []
})

const brokers = (): string => broker?.brokers ?? ''

async function topic(partitions = 1): Promise<string> {
  const name = freshName('in')
  await makeTopics(brokers(), { [name]: partitions })
  return name
}

async function start(options: Omit<StartedKafkaOptions, 'connection'>): Promise<StartedKafka> {
  const started = await startKafkaAdapter({ ...options, connection: { brokers: [brokers()] } })
  cleanUps.push(() => started.adapter.stop())
  return started
}

describe('records from Kafka', () => {
  it('come in with their place as identity, key, headers and facts, or without, from the console producer', async ({
    skip,
  }) => {
    if (broker === undefined) return skip()
    const name = await topic()
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
    await broker.tools.produce(
      name,
      [
        `traceparent:${traceparent},color:red,constructor:c,__proto__:p\tk1\t{"n":1}`,
        'NULL\tk1\tNULL',
        'NULL\tNULL\t2',
      ],
      ['parse.key=true', 'parse.headers=true', 'null.marker=NULL'].flatMap((property) => [
        '--reader-property',
        property,
      ]),
    )
    const { delivered } = await start({ subscription: { topics: [name] } })
    await until(() => delivered.length === 3)
    const [message, tombstone, plain] = delivered
    const { partition, offset, timestamp } = message?.facts ?? {}
    expect(message).toMatchObject({
      protocol: 'kafka',
      subscription: 's',
      method: name,
      key: 'k1',
      orderingKey: 'k1',
      traceparent,
      facts: { topic: name, partition: 0, offset: 0 },
    })
    // Names that every object has are names like others.
    expect(Object.entries(message?.headers ?? {})).toEqual(
      expect.arrayContaining([
        ['color', 'red'],
        ['constructor', 'c'],
        ['__proto__', 'p'],
      ]),
    )
    expect(message?.identity?.split('/').slice(1)).toEqual(
      [name, partition, offset, timestamp].map(String),
    )
    expect(Buffer.from(message?.body ?? []).toString()).toBe('{"n":1}')
    expect(tombstone).toMatchObject({
      key: 'k1',
      orderingKey: 'k1',
      headers: {},
      facts: { tombstone: true, offset: 1 },
    })
    expect(plain).toMatchObject({ key: undefined, orderingKey: undefined, headers: {} })
    expect(Buffer.from(plain?.body ?? []).toString()).toBe('2')
  })

  it('keep bytes, repeated headers and tombstones', async ({ skip }) => {
    if (broker === undefined) return skip()
    const name = await topic()
    const producer = kafkaClient(brokers()).producer()
    await producer.connect()
    const headers = { twice: ['1', '2'], bytes: Buffer.from([0, 255]), empty: '' }
    await producer.send({
      topic: name,
      messages: [
        { key: Buffer.from([0, 254]), value: Buffer.from([0, 253]), headers },
        { key: 'gone', value: null },
        { key: null, value: '1' },
      ],
    })
    await producer.disconnect()
    const { delivered } = await start({ subscription: { topics: [name] } })
    await until(() => delivered.length === 3)
    expect(delivered[0]).toMatchObject({
      key: `base64:${Buffer.from([0, 254]).toString('base64')}`,
      body: Buffer.from([0, 253]),
      headers: { twice: ['1', '2'], bytes: { base64: 'AP8=' }, empty: '' },
    })
    expect(delivered[1]).toMatchObject({ key: 'gone', facts: { tombstone: true } })
    expect(Buffer.from(delivered[1]?.body ?? []).toString()).toBe('null')
    expect(delivered[2]?.key).toBeUndefined()
    expect(delivered[2]?.orderingKey).toBeUndefined()
  })

  it('are read however they are packed', async ({ skip }) => {
    if (broker === undefined) return skip()
    const { tools } = broker
    const name = await topic(4)
    const codecs = ['gzip', 'snappy', 'lz4', 'zstd']
    const lines = codecs.map((codec) =>
      Array.from({ length: 300 }, (_, n) => `${codec} ${n} ${'abc'.repeat(n)}`),
    )
    await Promise.all(
      codecs.map((codec, n) => tools.produce(name, lines[n] ?? [], ['--compression-codec', codec])),
    )
    const started = await start({ subscription: { topics: [name] } })
    await until(() => started.delivered.length === lines.flat().length)
    expect([...started.bodies()].sort()).toEqual(lines.flat().sort())
  })

  it('are committed only after they are stored, up to the first that is not', async ({ skip }) => {
    if (broker === undefined) return skip()
    const name = await topic()
    const group = freshName('group')
    const release = Promise.withResolvers<undefined>()
    let refusals = 0
    const { delivered } = await start({
      subscription: { topics: [name], group_id: group },
      deliver: async (messages) => {
        await release.promise
        const all = await stored(messages)
        // The fourth is refused twice.
        return all.map((delivery, index) => {
          const isFourth = Buffer.from(messages[index]?.body ?? []).toString() === '3'
          if (!isFourth || refusals === 2) return delivery
          refusals += 1
          return { outcome: 'refused', error: new CrossdockError('database_locked', 'held') }
        })
      },
    })
    await sendTexts(brokers(), name, ['0', '1', '2', '3', '4'])
    await until(async () => (await groupOffsets(brokers(), group, name))[0] !== undefined)
    expect((await groupOffsets(brokers(), group, name))[0]).toBe(-1)
    release.resolve(undefined)
    await until(() => delivered.length === 5)
    await until(async () => (await groupOffsets(brokers(), group, name))[0] === 5)
    expect(refusals).toBe(2)
    expect(await broker.tools.describeGroup(group)).toMatch(new RegExp(`${name} +0 +5 +5 +0`))
  })

  it('of new topics come in where a pattern takes them, and of a named one once it is there', async ({
    skip,
  }) => {
    if (broker === undefined) return skip()
    const [prefix, later] = [freshName('pattern'), freshName('later')]
    await makeTopics(brokers(), { [`${prefix}-a`]: 1 })
    const started = await start({
      subscription: { topics: [{ pattern: `${prefix}-.*` }, later], refresh_interval: 1 },
    })
    await until(() => started.adapter.health().detail?.includes(later) === true)
    await sendTexts(brokers(), `${prefix}-a`, ['"a"'])
    await until(() => started.bodies().includes('"a"'))
    await broker.tools.createTopic(`${prefix}-b`, 2)
    await makeTopics(brokers(), { [later]: 1 })
    await sendTexts(brokers(), `${prefix}-b`, ['"b"'])
    await sendTexts(brokers(), later, ['"c"'])
    await until(() => started.delivered.length === 3)
    await started.untilHealth('ok')
    expect([...started.bodies()].sort()).toEqual(['"a"', '"b"', '"c"'])
  })

  it('begin at the end where the subscription says so, and nothing is lost from there on', async ({
    skip,
  }) => {
    if (broker === undefined) return skip()
    const name = await topic(2)
    const group = freshName('group')
    const subscription = { topics: [name], start: 'latest' as const, group_id: group }
    await sendTexts(brokers(), name, ['"before"'], { partition: 0 })
    const first = await start({ subscription })
    await first.untilHealth('ok')
    await until(async () => (await groupOffsets(brokers(), group, name))[0] === 1)
    await first.adapter.stop()
    await sendTexts(brokers(), name, ['"while away"'], { partition: 1 })
    const second = await start({ subscription })
    await until(() => second.delivered.length === 1)
    expect(second.bodies()).toEqual(['"while away"'])
  })

  it('wait at the broker while the flow is closed, and the group keeps its member', async ({
    skip,
  }) => {
    if (broker === undefined) return skip()
    const name = await topic()
    let isOpen = false
    const listeners = new Set<() => void>()
    const flow: Flow = {
      closed: () => (isOpen ? undefined : { reason: 'paused', retryAfterMs: 60_000 }),
      onChange: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    }
    const group = freshName('group')
    const started = await start({
      flow,
      subscription: {
        ...{ topics: [name], group_id: group },
        ...{ session_timeout: 3, heartbeat_interval: '500ms', rebalance_timeout: 3 },
      },
    })
    await started.untilHealth('ok')
    await sendTexts(brokers(), name, ['1', '2'])
    const member = /test-\S+/
    const before = member.exec(await broker.tools.describeGroup(group))?.[0]
    // Longer than its session.
    await new Promise((resolve) => setTimeout(resolve, 4_000))
    expect(started.delivered).toEqual([])
    expect(member.exec(await broker.tools.describeGroup(group))?.[0]).toBe(before)
    isOpen = true
    for (const listener of listeners) listener()
    await until(() => started.delivered.length === 2)
  })

  it("say how many of them wait, by partition, as Kafka's own command does", async ({ skip }) => {
    if (broker === undefined) return skip()
    const name = await topic(2)
    const group = freshName('group')
    await sendTexts(brokers(), name, ['1', '2', '3'], { partition: 1 })
    const release = Promise.withResolvers<undefined>()
    const started = await start({
      subscription: { topics: [name], group_id: group },
      deliver: async (messages) => {
        if (Buffer.from(messages[0]?.body ?? []).toString() === 'held') await release.promise
        return await stored(messages)
      },
    })
    cleanUps.push(async () => {
      release.resolve(undefined)
    })
    const waiting = (): Readonly<Record<string, number | null>> =>
      Object.fromEntries(
        (started.adapter.lag?.('s') ?? []).map(({ line, waiting: some }) => [line, some]),
      )
    await until(async () => (await groupOffsets(brokers(), group, name))[1] === 3)
    await sendTexts(brokers(), name, ['held', 'behind it'], { partition: 1 })
    await until(() => waiting()[`${name}/1`] === 2 && waiting()[`${name}/0`] === 0)
    const said = await broker.tools.describeGroup(group)
    expect(said).toMatch(new RegExp(`${name} +1 +3 +5 +2`))
    expect(said).toMatch(new RegExp(`${name} +0 +- +0 +-`))
    release.resolve(undefined)
    await until(() => waiting()[`${name}/1`] === 0)
  })
})
