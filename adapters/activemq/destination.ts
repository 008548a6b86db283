import type { ActivemqConnectionOptions } from './options/connection.ts'

/** Which ActiveMQ a connection has. */
export type BrokerKind = ActivemqConnectionOptions['broker']

/** How a broker is told of a destination. */
export interface Destination {
  readonly name: string
  /** Artemis: how it gives out messages; `undefined`: the broker decides. */
  readonly routing: 'ANYCAST' | 'MULTICAST' | undefined
  /** Whether each subscriber gets a copy of its own. */
  readonly isTopic: boolean
}

const PREFIXES = [
  ['/queue/', 'ANYCAST'],
  ['/topic/', 'MULTICAST'],
] as const

/**
 * A destination of the configuration as this broker names it. Artemis has addresses without such prefixes, unless
 * its acceptor was given them; with the routing beside the bare name both are met.
 */
export function destinationOf(
  broker: BrokerKind,
  text: string,
  routing: 'anycast' | 'multicast' | undefined,
): Destination {
  if (broker === 'classic') {
    return { name: text, routing: undefined, isTopic: text.startsWith('/topic/') }
  }
  if (routing !== undefined) {
    const isTopic = routing === 'multicast'
    return { name: text, routing: isTopic ? 'MULTICAST' : 'ANYCAST', isTopic }
  }
  for (const [prefix, type] of PREFIXES) {
    if (!text.startsWith(prefix)) continue
    return { name: text.slice(prefix.length), routing: type, isTopic: type === 'MULTICAST' }
  }
  return { name: text, routing: undefined, isTopic: false }
}
