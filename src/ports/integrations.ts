import type { Protocol } from '../domain/job-type.ts'
import type { AdapterHealth, Delivery } from './adapter.ts'
import type { FlowReason } from './flow.ts'
import type { LineLag } from './line-lag.ts'
import type { Publishing } from './outbound.ts'
import type { Pause } from './pauses.ts'

/** Messages that came in by a subscription since the start, by what became of them. */
export interface DeliveryCounts extends Readonly<Record<Delivery['outcome'], number>> {
  /** Why messages were refused last; `undefined`: none was. */
  readonly lastError: string | undefined
}

/** What a publication published since the start. */
export interface PublicationCounts extends Readonly<Record<Publishing['outcome'], number>> {
  /** Why a message was not published last. */
  readonly lastError: string | undefined
}

/** How one connection of this instance is. */
export interface ConnectionReport {
  readonly protocol: Protocol
  /** `undefined`: what needs no connection. */
  readonly connection: string | undefined
  readonly subscriptions: readonly string[]
  readonly publications: readonly string[]
  readonly health: AdapterHealth
  /** Whether messages can be published over it now; `null`: it has no publications. */
  readonly isConnected: boolean | null
  /** How often it failed in a row. */
  readonly failures: number
  /** Why it failed last, also once it works again. */
  readonly lastError: string | undefined
}

/** How one subscription is. Counts are of this instance, since its start. */
export interface SubscriptionReport {
  /** `mqtt:temps` */
  readonly address: string
  readonly protocol: Protocol
  readonly name: string
  readonly connection: string | null
  /** `null`: its messages are only sent on. */
  readonly handler: string | null
  /** Of its jobs; of one without a handler, that of the first target. */
  readonly queue: string
  /** Why it takes nothing in now; `null`: it does. */
  readonly closed: FlowReason | null
  readonly pause: Pause | null
  readonly backpressure: {
    readonly pauseAbove: number
    readonly resumeBelow: number
    /** Jobs that waited at the last count; `null`: none was made. */
    readonly waiting: number | null
  } | null
  /** Messages by what became of them; `null`: this instance takes none in. */
  readonly counts: DeliveryCounts | null
  /** What still waits at the broker, by line; `null`: the protocol does not say. */
  readonly lag: readonly LineLag[] | null
}

/** How one publication is. */
export interface PublicationReport {
  readonly address: string
  readonly protocol: Protocol
  readonly name: string
  readonly connection: string
  /** Whether this instance can publish to it now; `null`: it publishes nothing. */
  readonly connected: boolean | null
  readonly pause: Pause | null
  readonly counts: PublicationCounts | null
}

/** Where messages come from and go to, as this instance sees it. */
export interface IntegrationsReport {
  readonly connections: readonly ConnectionReport[]
  readonly subscriptions: readonly SubscriptionReport[]
  readonly publications: readonly PublicationReport[]
}
