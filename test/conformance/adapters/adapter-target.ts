/** A message of a test: its key is its identity where the protocol has one, and stands in its payload. */
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

/** Far side and sender of one protocol, as the suite uses them. */
export interface AdapterBed {
  /** `integrations` of the program, with the subscriptions `json` and `bytes` for this handler. */
  integrations(handler: string): Readonly<Record<string, unknown>>
  /** The program listens here now; for protocols whose senders call it. */
  reachable(url: string): void
  /**
   * Hands messages over to the far side, which keeps them until the program has acknowledged them. Resolves
   * when every one is handed over; where senders call the program, when every one is acknowledged.
   */
  send(messages: readonly SentMessage[], to?: 'json' | 'bytes'): Promise<void>
  /** Acknowledgements that the program has sent so far, seen on the way. */
  acknowledged(): number
  /** Lets nothing through that the program sends, from now on, until the connections are cut. */
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
  /** What the protocol cannot meet, and why. */
  readonly cannot: Readonly<Partial<Record<OptionalCase, string>>>
  /** `undefined`: its server cannot be had here. */
  open(): Promise<AdapterBed | undefined>
}
