import type { AdapterDefinition } from '../../src/ports/adapter.ts'
import { startEmbeddedBroker } from './embedded-broker.ts'
import { mqttConnectionOptions } from './options/connection.ts'
import { mqttIntegrationOptions } from './options/integration.ts'
import { MQTT_TEMPLATES, mqttPublicationOptions } from './options/publication.ts'
import { mqttSubscriptionOptions } from './options/subscription.ts'

/**
 * Takes messages from an MQTT broker and publishes to it. PUBACK and PUBREC are sent when `deliver` has
 * resolved, which is after COMMIT, and for many messages at once.
 */
export const mqttAdapter: AdapterDefinition<
  typeof mqttSubscriptionOptions,
  typeof mqttConnectionOptions,
  typeof mqttPublicationOptions,
  typeof mqttIntegrationOptions
> = {
  protocol: 'mqtt',
  subscriptionOptions: mqttSubscriptionOptions,
  connectionOptions: mqttConnectionOptions,
  publicationOptions: mqttPublicationOptions,
  integrationOptions: mqttIntegrationOptions,
  templates: MQTT_TEMPLATES,
  subscriptionConnection: 'required',
  withoutIdentity: () =>
    'the sender gives it no user property idempotency-key, which MQTT 3.1.1 does not have',
  probe: async (options, signal) => (await import('./probe.ts')).probeBroker(options, signal),
  startService: ({ embedded_broker: broker }, { log }) => startEmbeddedBroker(broker, log),
  start: async (context) => (await import('./start.ts')).startMqtt(context),
}
