import type { MapKey, MapValue } from '../ports/expressions.ts'

/** How the messages of one subscription become jobs. */
export interface SubscriptionSettings {
  readonly name: string
  readonly handler: string
  readonly queue?: string | undefined
  readonly priority?: number | undefined
  readonly maxRetries?: number | undefined
  readonly timeoutSeconds?: number | undefined
  readonly contentType: 'json' | 'text' | 'binary'
  /** What is mapped; the expressions themselves are evaluated elsewhere. */
  readonly map?: Readonly<Partial<Record<MapKey, MapValue>>> | undefined
  /** Left out: as the delivery says. */
  readonly onInvalid?: 'dead' | 'drop' | undefined
}
