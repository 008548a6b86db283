import type { KafkaDriver } from '../driver.ts'
import { createClient } from './client.ts'
import { translated } from './failure.ts'
import { openConsumer } from './consumer.ts'
import { openProducer } from './producer.ts'

/** The driver on kafkajs. */
export const kafkajsDriver: KafkaDriver = {
  consumer: openConsumer,
  producer: openProducer,
  metadata: async (server) => {
    // Whoever asks asks again by himself: repeats of the library would only make the answer late.
    const admin = createClient(server).admin({ retry: { retries: 0 } })
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
    } catch (error) {
      throw translated(error)
    } finally {
      await admin.disconnect().catch(() => undefined)
    }
  },
}
