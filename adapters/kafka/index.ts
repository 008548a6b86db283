import type { AdapterDefinition } from '../../src/ports/adapter.ts'
import type { KafkaDriver } from './driver.ts'
import { kafkaConnectionOptions } from './options/connection.ts'
import { KAFKA_TEMPLATES, kafkaPublicationOptions } from './options/publication.ts'
import { kafkaSubscriptionOptions } from './options/subscription.ts'

/** The adapter over a client library, which is loaded when the first connection needs it. */
export function createKafkaAdapter(
  loadDriver: () => Promise<KafkaDriver>,
): AdapterDefinition<
  typeof kafkaSubscriptionOptions,
  typeof kafkaConnectionOptions,
  typeof kafkaPublicationOptions
> {
  return {
    protocol: 'kafka',
    subscriptionOptions: kafkaSubscriptionOptions,
    connectionOptions: kafkaConnectionOptions,
    publicationOptions: kafkaPublicationOptions,
    templates: KAFKA_TEMPLATES,
    publishes: 'batches',
    subscriptionConnection: 'required',
    // Each has its place: cluster, topic, partition and offset.
    withoutIdentity: () => undefined,
    probe: async (options, signal) => {
      const { probeKafka } = await import('./probe.ts')
      return await probeKafka(await loadDriver(), options, signal)
    },
    start: async (context) => {
      const { startKafka } = await import('./start.ts')
      return await startKafka(await loadDriver(), context)
    },
  }
}

/** Takes records from Kafka and sends records to it. Offsets are committed behind the rows. */
export const kafkaAdapter = createKafkaAdapter(
  async () => (await import('./kafkajs/driver.ts')).kafkajsDriver,
)
