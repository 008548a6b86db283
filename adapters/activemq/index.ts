import type { AdapterDefinition } from '../../src/ports/adapter.ts'
import { activemqConnectionOptions } from './options/connection.ts'
import { ACTIVEMQ_TEMPLATES, activemqPublicationOptions } from './options/publication.ts'
import { activemqSubscriptionOptions } from './options/subscription.ts'

/**
 * Takes messages from ActiveMQ Classic or Artemis over STOMP and publishes to it. Each message is acknowledged by
 * itself, when `deliver` has resolved, which is after COMMIT; none is ever negatively acknowledged.
 */
export const activemqAdapter: AdapterDefinition<
  typeof activemqSubscriptionOptions,
  typeof activemqConnectionOptions,
  typeof activemqPublicationOptions
> = {
  protocol: 'activemq',
  subscriptionOptions: activemqSubscriptionOptions,
  connectionOptions: activemqConnectionOptions,
  publicationOptions: activemqPublicationOptions,
  templates: ACTIVEMQ_TEMPLATES,
  publishes: 'batches',
  subscriptionConnection: 'required',
  withoutIdentity: () => 'the sender gives it no header idempotency-key',
  probe: async (options, signal) => (await import('./probe.ts')).probeConnection(options, signal),
  start: async (context) => (await import('./start.ts')).startActivemq(context),
}
