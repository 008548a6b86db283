import type { AdapterContext, AdapterDefinition, RunningAdapter } from '../../src/ports/adapter.ts'
import { CrossdockError } from '../../src/domain/errors.ts'
import { healthTogether, publishingHealth } from '../../src/ports/adapter-health.ts'
import { canDeferAcknowledgements } from './acknowledgement-check.ts'
import { startEmbeddedBroker } from './embedded-broker.ts'
import { mqttConnectionOptions, type MqttConnectionOptions } from './options/connection.ts'
import { mqttIntegrationOptions } from './options/integration.ts'
import {
  MQTT_TEMPLATES,
  mqttPublicationOptions,
  type MqttPublicationOptions,
} from './options/publication.ts'
import { mqttSubscriptionOptions, type MqttSubscriptionOptions } from './options/subscription.ts'
import { probeBroker } from './probe.ts'
import { openPublisher } from './publisher.ts'
import { openReceiver } from './receiver.ts'

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
  probe: probeBroker,
  startService: ({ embedded_broker: broker }, { log }) => startEmbeddedBroker(broker, log),
  start,
}

async function start({
  connection,
  subscriptions,
  publications,
  makeOffering,
  slots,
  instance,
  connected,
  clock,
  random,
  log,
}: AdapterContext<
  MqttSubscriptionOptions,
  MqttConnectionOptions,
  MqttPublicationOptions
>): Promise<RunningAdapter> {
  if (connection === undefined) {
    throw new CrossdockError('usage', 'MQTT needs a connection')
  }
  const canDefer = await canDeferAcknowledgements()
  if (!canDefer) {
    log.warn(
      {},
      'this version of the package mqtt acknowledges one message at a time: quality of service 2 is taken as 1, and messages come in slowly',
    )
  }
  const common = {
    connection: connection.options,
    instanceName: instance.name,
    clock,
    random,
    log,
  }
  const publisher =
    publications.length === 0 ? undefined : openPublisher({ ...common, publications, connected })
  const receivers = subscriptions.map((subscription) => ({
    name: subscription.name,
    receiver: openReceiver({
      ...common,
      subscription,
      canDefer,
      makeOffering,
      slots,
      log: log.child({ subscription: subscription.name }),
    }),
  }))
  return {
    health: () => {
      const parts = receivers.map(({ name, receiver }) => ({ name, health: receiver.health() }))
      return healthTogether(
        publisher === undefined ? parts : [...parts, publishingHealth(publisher.problem())],
      )
    },
    ...(publisher !== undefined && {
      publish: (name, messages, signal) => publisher.publish(name, messages, signal),
    }),
    stop: async () => {
      await Promise.all([publisher?.stop(), ...receivers.map(({ receiver }) => receiver.stop())])
    },
  }
}
