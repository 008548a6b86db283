import { CrossdockError } from '../../src/domain/errors.ts'
import type {
  AdapterContext,
  AdapterDefinition,
  AdapterHealth,
  RunningAdapter,
} from '../../src/ports/adapter.ts'
import { createAccessTokens } from './access-tokens.ts'
import type { LinkParts } from './link.ts'
import { type SignalrConnectionOptions, signalrConnectionOptions } from './options/connection.ts'
import {
  SIGNALR_TEMPLATES,
  type SignalrPublicationOptions,
  signalrPublicationOptions,
} from './options/publication.ts'
import {
  type SignalrSubscriptionOptions,
  signalrSubscriptionOptions,
} from './options/subscription.ts'
import { probeHub } from './probe.ts'
import { openPublisher } from './publisher.ts'
import { openReceiver } from './receiver.ts'

/**
 * Takes events from hubs of SignalR and calls their methods. Where a hub waits for a result it is answered when
 * `deliver` has resolved, which is after COMMIT; where it does not, an event waits in memory until it is stored.
 */
export const signalrAdapter: AdapterDefinition<
  typeof signalrSubscriptionOptions,
  typeof signalrConnectionOptions,
  typeof signalrPublicationOptions
> = {
  protocol: 'signalr',
  subscriptionOptions: signalrSubscriptionOptions,
  connectionOptions: signalrConnectionOptions,
  publicationOptions: signalrPublicationOptions,
  templates: SIGNALR_TEMPLATES,
  publishes: 'singly',
  subscriptionConnection: 'required',
  withoutIdentity: () =>
    'the hub sends it again, for the protocol gives events no identity; one that the hub sends without waiting for a result can be lost',
  probe: probeHub,
  start,
}

async function start({
  connection,
  subscriptions,
  publications,
  sink,
  makeOffering,
  slots,
  instance,
  connected,
  clock,
  random,
  log,
}: AdapterContext<
  SignalrSubscriptionOptions,
  SignalrConnectionOptions,
  SignalrPublicationOptions
>): Promise<RunningAdapter> {
  if (connection === undefined) throw new CrossdockError('usage', 'SignalR needs a connection')
  const { access_token: token } = connection.options
  const parts: LinkParts = {
    connection: connection.options,
    tokens: token === undefined ? undefined : createAccessTokens(token, () => clock.monotonicMs()),
    clock,
    random,
    log,
  }
  const publisher =
    publications.length === 0 ? undefined : openPublisher({ ...parts, publications, connected })
  const slotName = `${instance.name}-signalr-${connection.name}`
  const receiver =
    subscriptions.length === 0
      ? undefined
      : openReceiver({ ...parts, subscriptions, sink, makeOffering, slots, slotName })
  return {
    health: () => together(receiver?.health(), publisher?.problem()),
    ...(publisher !== undefined && {
      publish: (name, messages, signal) => publisher.publish(name, messages, signal),
    }),
    stop: async () => {
      await Promise.all([publisher?.stop(), receiver?.stop()])
    },
  }
}

/** Down: both are, as far as there are both. */
function together(received: AdapterHealth | undefined, problem: string | undefined): AdapterHealth {
  if (problem === undefined) return received ?? { status: 'ok' }
  const details = [received?.detail, `publications: ${problem}`]
  const isDown = received === undefined || received.status === 'down'
  return {
    status: isDown ? 'down' : 'degraded',
    detail: details.filter((one) => one !== undefined).join('; '),
  }
}
