import type { AdapterContext, RunningAdapter } from '../../src/ports/adapter.ts'
import { CrossdockError } from '../../src/domain/errors.ts'
import { runningAdapter } from '../../src/ports/running-adapter.ts'
import { canDeferAcknowledgements } from './acknowledgement-check.ts'
import type { MqttConnectionOptions } from './options/connection.ts'
import type { MqttPublicationOptions } from './options/publication.ts'
import type { MqttSubscriptionOptions } from './options/subscription.ts'
import { openPublisher } from './publisher.ts'
import { openReceiver } from './receiver.ts'

/** Receives and publishes over one connection; it need not be there yet. */
export async function startMqtt({
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
  return runningAdapter({ receivers, publisher })
}
