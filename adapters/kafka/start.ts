import { CrossdockError } from '../../src/domain/errors.ts'
import type { AdapterContext, RunningAdapter } from '../../src/ports/adapter.ts'
import { healthTogether, publishingHealth } from '../../src/ports/adapter-health.ts'
import type { KafkaDriver } from './driver.ts'
import { openSubscriptions } from './inbound/subscriptions.ts'
import type { KafkaConnectionOptions } from './options/connection.ts'
import type { KafkaPublicationOptions } from './options/publication.ts'
import type { KafkaSubscriptionOptions } from './options/subscription.ts'
import { openPublisher } from './outbound/publisher.ts'
import { kafkaServer } from './server.ts'

type Context = AdapterContext<
  KafkaSubscriptionOptions,
  KafkaConnectionOptions,
  KafkaPublicationOptions
>

/** Receives and publishes over one connection; it need not be there yet. */
export async function startKafka(driver: KafkaDriver, context: Context): Promise<RunningAdapter> {
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
      publish: (name, messages, signal) => publisher.publish(name, messages, signal),
    }),
    stop: async () => {
      await Promise.all([subscriptions.stop(), publisher?.stop()])
    },
  }
}
