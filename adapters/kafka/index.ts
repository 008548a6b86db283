import { CrossdockError } from '../../src/domain/errors.ts'
import type { AdapterContext, AdapterDefinition, RunningAdapter } from '../../src/ports/adapter.ts'
import { healthTogether, publishingHealth } from '../../src/ports/adapter-health.ts'
import type { KafkaDriver } from './driver.ts'
import { openSubscriptions } from './inbound/subscriptions.ts'
import { kafkajsDriver } from './kafkajs/driver.ts'
import { kafkaConnectionOptions, type KafkaConnectionOptions } from './options/connection.ts'
import {
  KAFKA_TEMPLATES,
  kafkaPublicationOptions,
  type KafkaPublicationOptions,
} from './options/publication.ts'
import { kafkaSubscriptionOptions, type KafkaSubscriptionOptions } from './options/subscription.ts'
import { openPublisher } from './outbound/publisher.ts'
import { probeKafka } from './probe.ts'
import { kafkaServer } from './server.ts'

type Context = AdapterContext<
  KafkaSubscriptionOptions,
  KafkaConnectionOptions,
  KafkaPublicationOptions
>

/** The adapter over a client library. */
export function createKafkaAdapter(
  driver: KafkaDriver,
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
    probe: (options, signal) => probeKafka(driver, options, signal),
    start: (context) => start(driver, context),
  }
}

async function start(driver: KafkaDriver, context: Context): Promise<RunningAdapter> {
  const { connection, publications, instance, connected, clock, log } = context
  if (connection === undefined) throw new CrossdockError('usage', 'Kafka needs a connection')
  const server = kafkaServer(connection.options, { instanceName: instance.name, clock, log })
  const publisher =
    publications.length === 0
      ? undefined
      : openPublisher({ driver, server, publications, connected, clock })
  const subscriptions = openSubscriptions(driver, server, context)
  return {
    health: () =>
      healthTogether([
        ...subscriptions.health(),
        ...(publisher === undefined ? [] : [publishingHealth(publisher.problem())]),
      ]),
    lag: (name) => subscriptions.lag(name),
    ...(publisher !== undefined && {
      publish: (name, messages) => publisher.publish(name, messages),
    }),
    stop: async () => {
      await Promise.all([subscriptions.stop(), publisher?.stop()])
    },
  }
}

/** Takes records from Kafka and sends records to it. Offsets are committed behind the rows. */
export const kafkaAdapter = createKafkaAdapter(kafkajsDriver)
