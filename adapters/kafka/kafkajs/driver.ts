import type { KafkaDriver } from '../driver.ts'
import { createClient } from './client.ts'
import { openConsumer } from './consumer.ts'
import { openProducer } from './producer.ts'

/** The driver on kafkajs. */
export const kafkajsDriver: KafkaDriver = {
  consumer: openConsumer,
  producer: openProducer,
  metadata: async (server) => {
    const admin = createClient(server).admin()
    try {
      await admin.connect()
      const { clusterId } = await admin.describeCluster()
      const { topics } = await admin.fetchTopicMetadata()
      return {
        clusterId,
        topics: new Map(
          topics
            .filter(({ name }) => !name.startsWith('__'))
            .map(({ name, partitions }) => [name, partitions.length]),
        ),
      }
    } finally {
      await admin.disconnect().catch(() => undefined)
    }
  },
}
