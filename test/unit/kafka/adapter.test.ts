import { describe, expect, it } from 'vitest'
import { createKafkaAdapter } from '../../../adapters/kafka/index.ts'
import type { ClusterMetadata, KafkaDriver, KafkaServer } from '../../../adapters/kafka/driver.ts'
import { kafkaConnectionOptions } from '../../../adapters/kafka/options/connection.ts'
import { kafkaPublicationOptions } from '../../../adapters/kafka/options/publication.ts'
import { silentLog } from '../../../src/observe/log.ts'
import { adapterTools } from '../../services/adapter-tools.ts'
import { memoryProducer } from './memory-producer.ts'

const NEVER = new AbortController().signal

function driverWith(parts: Partial<KafkaDriver>): () => Promise<KafkaDriver> {
  const missing = (): never => {
    throw new Error('this is not asked for')
  }
  return async () => ({ consumer: missing, producer: missing, metadata: missing, ...parts })
}

describe('the Kafka adapter', () => {
  it('is as well as its producers, and publishes by them', async () => {
    const producer = memoryProducer()
    const adapter = await createKafkaAdapter(driverWith({ producer: () => producer })).start({
      connection: { name: 'c', options: kafkaConnectionOptions.parse({ brokers: 'a:1' }) },
      subscriptions: [],
      publications: [
        { name: 'out', options: kafkaPublicationOptions.parse({ topic: 't' }), timeoutMs: 1_000 },
      ],
      ...adapterTools({ deliver: async () => [] }),
      http: {
        route: () => undefined,
        port: () => {
          throw new Error('Kafka has no HTTP port')
        },
      },
      jobs: { untilEnded: async () => ({ ended: false, status: undefined }) },
      slots: { take: async () => undefined },
      instance: { name: 'shop', id: 'shop-1' },
      log: silentLog,
      connected: () => undefined,
      failed: () => undefined,
    })
    producer.connected(false, 'nobody there')
    expect(adapter.health()).toEqual({ status: 'down', detail: 'publications: nobody there' })
    producer.connected(true)
    expect(adapter.health()).toEqual({ status: 'ok' })
    const message = {
      id: 'job-1',
      payload: Buffer.from('x'),
      contentType: undefined,
      key: undefined,
      headers: {},
      target: { topic: 't' },
      attempt: 1,
    }
    const sent = await adapter.publish?.('out', [message], NEVER)
    expect(sent).toMatchObject([{ outcome: 'published' }])
    await adapter.stop()
    expect(producer.isStopped).toBe(true)
  })

  it('signs in as the connection says, and tells what it finds', async () => {
    const asked: KafkaServer[] = []
    const found: ClusterMetadata = { clusterId: 'abc', topics: new Map([['orders', 3]]) }
    const metadata = async (server: KafkaServer): Promise<ClusterMetadata> => {
      asked.push(server)
      return found
    }
    const options = kafkaConnectionOptions.parse({
      brokers: ['a:1', 'b:2'],
      tls: { server_name: 'kafka' },
      sasl: { mechanism: 'plain', username: 'u', password: 'hush' },
      connect_timeout: '2s',
    })
    const findings = await createKafkaAdapter(driverWith({ metadata })).probe?.(options, NEVER)
    expect(findings).toEqual({ facts: 'Kafka, cluster abc, 1 topic that we may see' })
    expect(asked[0]).toMatchObject({
      brokers: ['a:1', 'b:2'],
      clientId: 'crossdock-check',
      tls: { serverName: 'kafka', rejectUnauthorized: true },
      sasl: { mechanism: 'plain', username: 'u', password: 'hush' },
      connectTimeoutMs: 2_000,
    })
  })
})
