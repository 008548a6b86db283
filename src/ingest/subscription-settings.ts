import type { PublicationAddress } from '../domain/outbound.ts'
import type { MapKey, MapValue } from '../ports/expressions.ts'

/** Where the messages of a subscription go on to. */
export interface RouteSettings {
  readonly name: string
  /** At least one. */
  readonly to: readonly PublicationAddress[]
}

/** How the messages of one subscription become jobs. */
export interface SubscriptionSettings {
  readonly name: string
  /** Left out: it has routes. */
  readonly handler?: string | undefined
  readonly queue?: string | undefined
  readonly priority?: number | undefined
  readonly maxRetries?: number | undefined
  readonly timeoutSeconds?: number | undefined
  readonly contentType: 'json' | 'text' | 'binary'
  /** What is mapped; the expressions themselves are evaluated elsewhere. */
  readonly map?: Readonly<Partial<Record<MapKey, MapValue>>> | undefined
  /** Left out: as the delivery says. */
  readonly onInvalid?: 'dead' | 'drop' | undefined
  readonly routes?: readonly RouteSettings[] | undefined
  /** Where a copy of each of its dead letters goes. */
  readonly deadLetter?: PublicationAddress | undefined
}
