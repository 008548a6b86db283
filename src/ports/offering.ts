import type { InboundMessage } from '../domain/message.ts'
import type { Delivery } from './delivery.ts'
import type { Flow } from './flow.ts'
import type { Log } from './log.ts'

/** A message that an adapter holds until it is settled. */
export interface Offered {
  readonly message: InboundMessage
  /** Messages of one line are stored in the order in which they were added: a topic, a partition, a queue. */
  readonly line: string
}

/** A message that is settled: everything but `refused`. */
export interface Settled<Held extends Offered> {
  readonly held: Held
  readonly delivery: Exclude<Delivery, { readonly outcome: 'refused' }>
}

/** How messages are offered. */
export interface OfferingOptions<Held extends Offered> {
  readonly flow: Flow
  /** Messages of one call, at most; default 500. */
  readonly maxBatch?: number
  /** Before each call: what must be in the database by then. Its failure is that of the call. */
  readonly before?: () => Promise<void>
  /**
   * Whether the far side has what is left here when it ends. What it does not have is offered at the end whatever
   * the flow says.
   */
  readonly isDurable: boolean
  /** These are settled, in the order in which they were added: each may be acknowledged now. */
  readonly settled: (settled: readonly Settled<Held>[]) => void
  /** This one was refused for the first time, and is offered again; those of other lines need not wait for it. */
  readonly refused?: (held: Held) => void
  readonly log: Log
}

/** Brings the messages that an adapter holds to the database, each until it is taken. */
export interface Offering<Held extends Offered> {
  add(held: Held): void
  /**
   * Lets go of the messages for which `isDropped` is true: somebody else has them now. Those that are in a call still
   * settle. Resolves when none of them is.
   */
  drop(isDropped: (held: Held) => boolean): Promise<void>
  /** Offers what waits, once more, and waits for what is under way. Ends it. */
  finish(): Promise<void>
}

/**
 * Offers messages in batches, in the order of arrival. What is refused is offered again after a while, ever more
 * seldom and for ever; messages of the same line wait for it meanwhile. A line is in one call at a time, so that its
 * order is kept. While the flow is closed or the database is away nothing is offered.
 */
export type MakeOffering = <Held extends Offered>(options: OfferingOptions<Held>) => Offering<Held>
