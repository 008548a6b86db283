import { randomBytes } from 'node:crypto'
import kafkajs from 'kafkajs'
import { makeTopic } from '../../services/kafka-admin.ts'
import { startKafka } from '../../services/kafka.ts'
import { startOrSkip } from '../../services/require.ts'
import { type Arrival, type BridgeEnd, inLowerCase, type Kind, KINDS, LINE } from './bridge-end.ts'

const { Kafka, Partitioners, logLevel } = kafkajs

/** Kafka: topics of two partitions. */
export async function openKafkaEnd(): Promise<BridgeEnd | undefined> {
  const broker = await startOrSkip('kafka', () => startKafka())
  if (broker === undefined) return undefined
  const prefix = `bridge-${randomBytes(4).toString('hex')}`
  const intakes = ['in', 'bin'].map((intake) => `${prefix}.to-bridge.${intake}`)
  const outlets = KINDS.map((kind) => `${prefix}.from-bridge.${kind}`)
  for (const name of [...intakes, ...outlets]) {
    await makeTopic(broker.brokers, { name, partitions: 2 })
  }
  const client = new Kafka({ brokers: [broker.brokers], logLevel: logLevel.NOTHING })
  const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  const consumer = client.consumer({ groupId: `${prefix}-test` })
  await Promise.all([producer.connect(), consumer.connect()])
  await consumer.subscribe({ topics: outlets, fromBeginning: true })
  const arrivals: Arrival[] = []
  await consumer.run({
    eachMessage: async ({ topic, message: { key, value, headers } }) => {
      const texts = inLowerCase(headers ?? {})
      arrivals.push({
        kind: topic.split('.').at(-1) as Kind,
        body: value ?? Buffer.alloc(0),
        contentType: texts['content-type'],
        headers: texts,
        ...(key !== null && { key: key.toString() }),
      })
    },
  })
  return {
    protocol: 'kafka',
    connections: { broker: { brokers: broker.brokers } },
    subscription: (intake) => ({
      topics: [`${prefix}.to-bridge.${intake}`],
      group_id: `${prefix}-${intake}`,
    }),
    publication: (kind) => ({ topic: `${prefix}.from-bridge.${kind}` }),
    reachable: () => undefined,
    put: async ({ intake, body, contentType, headers }) => {
      await producer.send({
        topic: `${prefix}.to-bridge.${intake}`,
        messages: [
          { key: LINE, value: body, headers: { ...headers, 'content-type': contentType } },
        ],
      })
    },
    arrivals: async () => arrivals,
    close: async () => {
      await Promise.all([producer.disconnect(), consumer.disconnect()])
      await broker.stop()
    },
  }
}
