import type { OutboundMessage, Publishing } from './outbound.ts'

/** The way from outbound jobs to the adapters that publish them. Addresses are as `kafka:orders`. */
export interface Publisher {
  /**
   * Publishes messages over the connection of a publication, and says of each, in order, what became of it. While
   * that connection's adapter does not run, and for an address that is none, every message is `unsent`. Never
   * rejects: what an adapter did not say is `unconfirmed`.
   */
  publish(
    address: string,
    messages: readonly OutboundMessage[],
    signal: AbortSignal,
  ): Promise<readonly Publishing[]>
  /** Whether messages of this publication can be published now. */
  isConnected(address: string): boolean
  /** Calls `listener` after each change, with the publications that it is about. Returns how to stop it. */
  onConnected(listener: (addresses: readonly string[], isConnected: boolean) => void): () => void
}
