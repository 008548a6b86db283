import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { kafkaAdapter } from '../../../adapters/kafka/index.ts'
import { kafkajsDriver } from '../../../adapters/kafka/kafkajs/driver.ts'
import { kafkaConnectionOptions } from '../../../adapters/kafka/options/connection.ts'
import { CrossdockError } from '../../../src/domain/errors.ts'
import { silentLog } from '../../../src/observe/log.ts'
import { makeTopic } from '../../services/kafka-admin.ts'
import type { KafkaService } from '../../services/kafka-service.ts'
import { startOrSkip } from '../../services/require.ts'
import { sharedKafka } from '../../services/shared-servers.ts'
import { outMessage, startPublisher } from './started-publisher.ts'

let broker: KafkaService | undefined

beforeAll(async () => {
  broker = await startOrSkip('kafka', sharedKafka)
})

/** What Kafka's own consumer is to show of a record beside its value. */
function showing(...what: readonly string[]): readonly string[] {
  const all = [...what.map((one) => `print.${one}=true`), 'key.separator=|', 'null.literal=NULL']
  return all.flatMap((property) => ['--formatter-property', property])
}

describe(
  "a message that is published to Kafka, as Kafka's own consumer reads it",
  { timeout: 60_000 },
  () => {
    it('has its key, its headers and its payload, and is known by its place', async ({ skip }) => {
      if (broker === undefined) return skip('there is no Kafka')
      const topic = await makeTopic(broker.brokers)
      const { publish, untilConnected } = await startPublisher({
        connection: { brokers: broker.brokers },
      })
      await untilConnected()
      const sent = await publish([
        outMessage('job-1', topic, {
          key: '7',
          headers: {
            'idempotency-key': 'job-1',
            tag: ['a', 'b'],
            traceparent: 't',
            constructor: 'c',
            ['__proto__']: 'p',
          },
        }),
        outMessage('job-2', topic, { key: '7', payload: Buffer.alloc(0), isNull: true }),
        outMessage('job-3', topic, { payload: Buffer.alloc(0) }),
      ])
      expect(sent).toEqual(
        [0, 1, 2].map((offset) => ({
          outcome: 'published',
          answer: JSON.stringify({ topic, partition: 0, offset: String(offset) }),
        })),
      )
      const lines = await broker.tools.consume(topic, 3, showing('key', 'headers', 'partition'))
      expect(lines).toEqual([
        'Partition:0|idempotency-key:job-1,tag:a,tag:b,traceparent:t,constructor:c,__proto__:p,content-type:text/plain|7|job-1',
        'Partition:0|idempotency-key:job-2,content-type:text/plain|7|NULL',
        'Partition:0|idempotency-key:job-3,content-type:text/plain|NULL|',
      ])
    })

    it('arrives however it is compressed, and whoever confirms it', async ({ skip }) => {
      if (broker === undefined) return skip('there is no Kafka')
      const { brokers } = broker
      const topic = await makeTopic(brokers)
      const ways = [
        ...(['gzip', 'snappy', 'lz4', 'zstd'] as const).map((compression) => ({ compression })),
        ...(['leader', 'none'] as const).map((acks) => ({ acks })),
      ]
      const texts: string[] = []
      for (const publication of ways) {
        const { publish, untilConnected } = await startPublisher({
          connection: { brokers },
          publication,
        })
        await untilConnected()
        const text = JSON.stringify(publication).repeat(200)
        texts.push(text)
        const [sent] = await publish([outMessage('job', topic, { payload: Buffer.from(text) })])
        expect(sent, text.slice(0, 40)).toMatchObject({ outcome: 'published' })
      }
      expect(await broker.tools.consume(topic, texts.length)).toEqual(texts)
    })

    it("is in the partition of its key where Kafka's own producer puts it, or in that which was asked for", async ({
      skip,
    }) => {
      if (broker === undefined) return skip('there is no Kafka')
      const topic = await makeTopic(broker.brokers, { partitions: 5 })
      const keys = Array.from({ length: 40 }, (_, n) => `key ${n} ä`)
      await broker.tools.produce(
        topic,
        keys.map((key) => `${key}|theirs`),
        [...['--reader-property', 'parse.key=true'], ...['--reader-property', 'key.separator=|']],
      )
      const { publish, untilConnected } = await startPublisher({
        connection: { brokers: broker.brokers },
      })
      await untilConnected()
      const sent = await publish([
        ...keys.map((key) => outMessage('ours', topic, { key })),
        outMessage('asked', topic, { key: 'x', target: { topic, partition: '3' } }),
        outMessage('astray', topic, { key: 'y', target: { topic, partition: '77' } }),
      ])
      expect(sent.slice(0, -1).map(({ outcome }) => outcome)).toEqual(
        Array.from({ length: 41 }, () => 'published'),
      )
      expect(sent.at(-1)).toMatchObject({
        outcome: 'refused',
        error: `the topic ${topic} has no partition 77`,
      })
      const lines = await broker.tools.consume(topic, 81, showing('key', 'partition'))
      const places = (value: string): ReadonlyMap<string, string> =>
        new Map(
          lines
            .map((line) => line.split('|'))
            .filter(([, , one]) => one === value)
            .map(([partition = '', key = '']) => [key, partition]),
        )
      expect(places('theirs').size).toBe(40)
      expect(places('ours')).toEqual(places('theirs'))
      expect(places('asked').get('x')).toBe('Partition:3')
    })

    it('keeps its order among thousands, over many requests', async ({ skip }) => {
      if (broker === undefined) return skip('there is no Kafka')
      const topic = await makeTopic(broker.brokers)
      const { publish, untilConnected } = await startPublisher({
        connection: { brokers: broker.brokers },
        publication: { max_request_size: 10_000 },
      })
      await untilConnected()
      const ids = Array.from({ length: 2_000 }, (_, n) => `m${n}`)
      for (let from = 0; from < ids.length; from += 500) {
        const some = ids.slice(from, from + 500)
        const sent = await publish(some.map((id) => outMessage(id, topic, { key: 'k' })))
        expect(sent.every(({ outcome }) => outcome === 'published')).toBe(true)
      }
      expect(await broker.tools.consume(topic, ids.length)).toEqual(ids)
    })
  },
)

describe('a connection to Kafka', () => {
  it('is found out about by a probe', async ({ skip }) => {
    if (broker === undefined) return skip('there is no Kafka')
    const probe = async (brokers: string): Promise<string | undefined> =>
      (
        await kafkaAdapter.probe?.(
          kafkaConnectionOptions.parse({ brokers, connect_timeout: '1s' }),
          new AbortController().signal,
        )
      )?.facts
    expect(await probe(broker.brokers)).toMatch(/^Kafka, cluster \S+, \d+ topics? that we may see$/)
    await expect(probe('127.0.0.1:1')).rejects.toThrow(/ECONNREFUSED/)
  })

  it('signs in by each mechanism, over TLS and with a certificate of ours', async ({ skip }) => {
    if (broker === undefined) return skip('there is no Kafka')
    const { accounts, authority, tokens, saslBrokers, saslTlsBrokers, tlsBrokers } = broker
    const client = authority?.signed['client']
    if (
      authority === undefined ||
      client === undefined ||
      saslBrokers === undefined ||
      saslTlsBrokers === undefined ||
      tlsBrokers === undefined
    ) {
      return skip('this broker has no such listeners')
    }
    const topic = await makeTopic(broker.brokers)
    const tls = { ca: authority.ca }
    const ways = [
      { brokers: saslBrokers, sasl: { mechanism: 'plain', ...accounts.plain } },
      { brokers: saslTlsBrokers, tls, sasl: { mechanism: 'scram-sha-256', ...accounts.scram } },
      { brokers: saslTlsBrokers, tls, sasl: { mechanism: 'scram-sha-512', ...accounts.scram } },
      {
        brokers: saslBrokers,
        sasl: { mechanism: 'oauthbearer', token: tokens?.token(tokens.audience) },
      },
      { brokers: tlsBrokers, tls: { ...tls, cert: client.cert, key: client.key } },
    ] as const
    for (const connection of ways) {
      const { publish, untilConnected } = await startPublisher({ connection })
      await untilConnected()
      const [sent] = await publish([outMessage('job', topic)])
      expect(sent, JSON.stringify(connection).slice(0, 80)).toMatchObject({ outcome: 'published' })
    }
  })

  it('that is not let in says so, and sends nothing', async ({ skip }) => {
    if (broker?.saslBrokers === undefined) return skip('this broker has no such listener')
    const { username } = broker.accounts.plain
    const { publish, health, isConnected } = await startPublisher({
      connection: {
        brokers: broker.saslBrokers,
        sasl: { mechanism: 'plain', username, password: 'wrong-hush' },
      },
    })
    await expect.poll(() => health().detail ?? '').toMatch(/[Aa]uthentication/)
    expect(health().detail).not.toContain('wrong-hush')
    expect(isConnected()).toBe(false)
    const [sent] = await publish([outMessage('job', 'nowhere')])
    expect(sent).toMatchObject({ outcome: 'unsent' })
  })

  it('that finds no token has its message unsent: nobody has refused it', async ({ skip }) => {
    if (broker?.saslBrokers === undefined) return skip('this broker has no such listener')
    const token = (): Promise<string> =>
      Promise.reject(new CrossdockError('connection_failed', 'the server of tokens is away'))
    const producer = kafkajsDriver.producer(
      {
        brokers: [broker.saslBrokers],
        clientId: 'tokenless',
        tls: undefined,
        sasl: { mechanism: 'oauthbearer', token },
        connectTimeoutMs: 5_000,
        requestTimeoutMs: 5_000,
        log: silentLog,
      },
      { acks: 'all', idempotent: true, compression: 'none' },
    )
    onTestFinished(() => producer.stop())
    const [sent] = await producer.send(
      [{ topic: 'any', key: null, value: Buffer.from('1'), headers: [] }],
      5_000,
    )
    expect(sent).toEqual({ outcome: 'unsent', error: 'the server of tokens is away' })
  })

  it.each([
    ['whose token is for others', { audience: 'others' }, /refuses the token \(invalid_token\)/],
    ['who gets no token', { client_secret: 'wrong-hush' }, /answered 401 \(invalid_client\)/],
  ])('%s says so, and sends nothing', async (_, wrong, said) => {
    const { tokens, saslBrokers } = broker ?? {}
    if (tokens === undefined || saslBrokers === undefined) return
    const { url, client, audience } = tokens
    const right = { token_url: url, client_id: client.id, client_secret: client.secret, audience }
    const { publish, health } = await startPublisher({
      connection: {
        brokers: saslBrokers,
        sasl: { mechanism: 'oauthbearer', ...right, ...wrong },
      },
    })
    await expect.poll(() => health().detail ?? '').toMatch(said)
    expect(health().detail).not.toContain('hush')
    const [sent] = await publish([outMessage('job', 'nowhere')])
    expect(sent).toMatchObject({ outcome: 'unsent' })
  })
})
