import { beforeAll, describe, expect, it } from 'vitest'
import { kafkaAdapter } from '../../../adapters/kafka/index.ts'
import { kafkaConnectionOptions } from '../../../adapters/kafka/options/connection.ts'
import type { KafkaService } from '../../services/kafka-service.ts'
import { startOrSkip } from '../../services/require.ts'
import { sharedKafka } from '../../services/shared-servers.ts'
import { makeTopic, outMessage, startPublisher } from './started-publisher.ts'

/** All that Kafka's own consumer shows of a record. */
const SHOWN = [
  ...['--formatter-property', 'print.key=true', '--formatter-property', 'print.headers=true'],
  ...['--formatter-property', 'print.partition=true', '--formatter-property', 'key.separator=|'],
  ...['--formatter-property', 'null.literal=NULL'],
]

let broker: KafkaService | undefined

beforeAll(async () => {
  broker = await startOrSkip('kafka', sharedKafka)
})

describe(
  "a message that is published to Kafka, read by Kafka's own consumer",
  { timeout: 60_000 },
  () => {
    it('has its key, its headers and its payload, and says where it stands', async ({ skip }) => {
      if (broker === undefined) return skip('there is no Kafka')
      const topic = await makeTopic(broker.brokers)
      const { publish, untilConnected } = await startPublisher({
        connection: { brokers: broker.brokers },
      })
      await untilConnected()
      const sent = await publish([
        outMessage('job-1', topic, {
          key: '7',
          headers: { 'idempotency-key': 'job-1', tag: ['a', 'b'], traceparent: 't' },
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
      const lines = await broker.tools.consume(topic, 3, SHOWN)
      expect(lines).toEqual([
        'Partition:0|idempotency-key:job-1,tag:a,tag:b,traceparent:t,content-type:text/plain|7|job-1',
        'Partition:0|idempotency-key:job-2,content-type:text/plain|7|NULL',
        'Partition:0|idempotency-key:job-3,content-type:text/plain|NULL|',
      ])
    })

    it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)(
      'is compressed (%s)',
      async (compression) => {
        if (broker === undefined) return
        const topic = await makeTopic(broker.brokers)
        const { publish, untilConnected } = await startPublisher({
          connection: { brokers: broker.brokers },
          publication: { compression },
        })
        await untilConnected()
        const text = 'abc'.repeat(2_000)
        const [sent] = await publish([outMessage('job-1', topic, { payload: Buffer.from(text) })])
        expect(sent).toMatchObject({ outcome: 'published' })
        expect(await broker.tools.consume(topic, 1)).toEqual([text])
      },
    )

    it("is in the partition of its key where Kafka's own producer puts it, or in that which was asked for", async ({
      skip,
    }) => {
      if (broker === undefined) return skip('there is no Kafka')
      const topic = await makeTopic(broker.brokers, 5)
      const keys = Array.from({ length: 40 }, (_, n) => `key ${n} ä`)
      await broker.tools.produce(
        topic,
        keys.map((key) => `${key}|theirs`),
        [...['--reader-property', 'parse.key=true', '--reader-property', 'key.separator=|']],
      )
      const { publish, untilConnected } = await startPublisher({
        connection: { brokers: broker.brokers },
      })
      await untilConnected()
      await publish([
        ...keys.map((key) => outMessage('ours', topic, { key })),
        outMessage('asked', topic, { key: 'x', target: { topic, partition: '3' } }),
      ])
      const lines = await broker.tools.consume(topic, 81, [
        ...['--formatter-property', 'print.key=true', '--formatter-property', 'key.separator=|'],
        ...['--formatter-property', 'print.partition=true'],
      ])
      const at = (value: string): ReadonlyMap<string, string> =>
        new Map(
          lines
            .map((line) => line.split('|'))
            .filter(([, , one]) => one === value)
            .map(([partition = '', key = '']) => [key, partition]),
        )
      expect(at('theirs').size).toBe(40)
      expect(at('ours')).toEqual(at('theirs'))
      expect(at('asked').get('x')).toBe('Partition:3')
    })

    it.each(['leader', 'none'] as const)('is confirmed by less (acks %s)', async (acks) => {
      if (broker === undefined) return
      const topic = await makeTopic(broker.brokers)
      const { publish, untilConnected } = await startPublisher({
        connection: { brokers: broker.brokers },
        publication: { acks },
      })
      await untilConnected()
      const [sent] = await publish([outMessage('job-1', topic)])
      expect(sent).toMatchObject({ outcome: 'published' })
      expect(await broker.tools.consume(topic, 1)).toEqual(['job-1'])
    })

    it('keeps its order, with thousands of others', async ({ skip }) => {
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

    it('is found out about by a probe', async ({ skip }) => {
      if (broker === undefined) return skip('there is no Kafka')
      const probe = async (brokers: string): Promise<unknown> =>
        await kafkaAdapter.probe?.(
          kafkaConnectionOptions.parse({ brokers, connect_timeout: '1s' }),
          new AbortController().signal,
        )
      expect(await probe(broker.brokers)).toEqual({
        facts: expect.stringMatching(/^Kafka, cluster \S+, \d+ topics? that we may see$/),
      })
      await expect(probe('127.0.0.1:1')).rejects.toMatchObject({ code: 'adapter_connection' })
    })
  },
)
