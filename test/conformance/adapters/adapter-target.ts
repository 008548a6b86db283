/** A message of a test: its key is its identity where senders give one, and stands in its payload. */
export interface SentMessage {
  readonly key: string
  /** Messages of one line come in order. */
  readonly line?: string
  /** Instead of the JSON object with the key. */
  readonly body?: Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

/** Cases that not every protocol can meet. */
export type OptionalCase =
  | 'broker down at start'
  | 'broker restarted'
  | 'poison message is a dead letter'
  | 'order of a line'

/** What messages are sent to: `pressed` closes when more than {@link PRESSED_ABOVE} jobs of its wait. */
export type SubscriptionName = 'json' | 'bytes' | 'pressed'

/** Waiting jobs above which the subscription `pressed` takes nothing in. */
export const PRESSED_ABOVE = 20

/** The part of the subscription `pressed` that is the same for every protocol: also the queue is its own. */
export const PRESSED = {
  queue: 'pressed',
  backpressure: { pause_above: PRESSED_ABOVE, resume_below: 5 },
} as const

/** Far side and sender of one protocol, as the suite uses them. */
export interface AdapterBed {
  /** `integrations` of the program, with one subscription of each {@link SubscriptionName} for this handler. */
  integrations(handler: string): Readonly<Record<string, unknown>>
  /** The program listens here now; for protocols whose senders call it. */
  reachable(url: string): void
  /**
   * Hands messages over to the far side, which keeps them until the program has acknowledged them. Resolves
   * when every one is handed over; where senders call the program, when every one is acknowledged.
   */
  send(messages: readonly SentMessage[], to?: SubscriptionName): Promise<void>
  /**
   * Has the far side forget what was acknowledged of the subscription `json`, so that all of it comes again; the program
   * does not run. Left out: a sender that sends a message again makes no new one.
   */
  deliverAgain?(): Promise<void>
  /** Messages that a closed subscription holds, at most; the far side has the others. */
  readonly heldAtMost: number
  /** Messages that went to the program so far, seen on the way; where it refuses them it has none of them. */
  takenIn(): number
  /** Acknowledgements that the program has sent so far, seen on the way. */
  acknowledged(): number
  /** Lets no acknowledgement through that the program sends, from now on, until the connections are cut. */
  holdAcknowledgements(): void
  /** Breaks every connection of the program. */
  cut(): void
  /** Ends the broker at once, with nothing in it yet; {@link AdapterBed.restartBroker} brings it back. */
  killBroker?(): Promise<void>
  /** Ends the broker in an orderly way, if it runs, and starts it with what it had. */
  restartBroker?(): Promise<void>
  close(): Promise<void>
}

/** A protocol: all that the suite needs of an adapter in order to try it. */
export interface AdapterTarget {
  readonly protocol: string
  /** What the addresses of its subscriptions begin with: `mqtt`. */
  readonly prefix: string
  /** What the protocol cannot meet, and why. */
  readonly cannot: Readonly<Partial<Record<OptionalCase, string>>>
  /**
   * Where the key of a message stands in its row: in its inbox key; or in its headers, where the identity of a message is not
   * what its sender says.
   */
  readonly keyIn: 'dedupekey' | 'headers'
  /** `undefined`: its server cannot be had here. */
  open(): Promise<AdapterBed | undefined>
}
