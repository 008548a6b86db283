import { sharedActivemqClassic, sharedArtemis } from '../../services/shared-servers.ts'
import type { StompBroker } from '../../services/stomp-broker.ts'

/** The two brokers, by name and by the name under which a run may require them. */
export const BROKERS: readonly (readonly [string, string, () => Promise<StompBroker>])[] = [
  ['Classic', 'activemq', sharedActivemqClassic],
  ['Artemis', 'artemis', sharedArtemis],
]
