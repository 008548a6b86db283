import type { AdapterContext, RunningAdapter } from '../../src/ports/adapter.ts'
import { CrossdockError } from '../../src/domain/errors.ts'
import { runningAdapter } from '../../src/ports/running-adapter.ts'
import type { ActivemqConnectionOptions } from './options/connection.ts'
import type { ActivemqPublicationOptions } from './options/publication.ts'
import type { ActivemqSubscriptionOptions } from './options/subscription.ts'
import { openPublisher } from './publisher.ts'
import { openReceiver } from './receiver.ts'

/** Receives and publishes over one connection; it need not be there yet. */
export async function startActivemq({
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
  ActivemqSubscriptionOptions,
  ActivemqConnectionOptions,
  ActivemqPublicationOptions
>): Promise<RunningAdapter> {
  if (connection === undefined) {
    throw new CrossdockError('usage', 'ActiveMQ needs a connection')
  }
  const common = { connection: connection.options, clock, random, log }
  const publisher =
    publications.length === 0 ? undefined : openPublisher({ ...common, publications, connected })
  const receivers = subscriptions.map((subscription) => ({
    name: subscription.name,
    receiver: openReceiver({
      ...common,
      subscription,
      makeOffering,
      slots,
      instanceName: instance.name,
      log: log.child({ subscription: subscription.name }),
    }),
  }))
  return runningAdapter({ receivers, publisher })
}
