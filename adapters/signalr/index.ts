import type { AdapterDefinition } from '../../src/ports/adapter.ts'
import { signalrConnectionOptions } from './options/connection.ts'
import { SIGNALR_TEMPLATES, signalrPublicationOptions } from './options/publication.ts'
import { signalrSubscriptionOptions } from './options/subscription.ts'

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
  probe: async (options, signal) => (await import('./probe.ts')).probeHub(options, signal),
  start: async (context) => (await import('./start.ts')).startSignalr(context),
}
