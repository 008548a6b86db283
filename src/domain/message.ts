import type { Headers } from './job.ts'
import type { Protocol } from './job-type.ts'

/** A message as an adapter received it: bytes, and what the protocol says about them. */
export interface InboundMessage {
  readonly protocol: Protocol
  /** Name of the subscription that it came in by. */
  readonly subscription: string
  /** HTTP method, topic, destination or hub event. */
  readonly method: string
  readonly body: Uint8Array
  readonly contentType?: string | undefined
  readonly headers: Headers
  /** What makes this message this message, by the protocol's own terms; left out: it has no inbox key. */
  readonly identity?: string | undefined
  /**
   * The SHA-256 of the body as it was received, in hexadecimal, kept as `metadata.body_sha256`. For protocols
   * whose senders can be told that they have used one identity for two messages.
   */
  readonly bodySha256?: string | undefined
  /** The broker's message key. */
  readonly key?: string | undefined
  /** The ordering key of its job where no map gives one; left out: it has none. */
  readonly orderingKey?: string | undefined
  readonly traceparent?: string | undefined
  readonly correlationId?: string | undefined
  /** Protocol-specific facts, kept in `metadata`: path, query, partition, offset, … */
  readonly facts?: Readonly<Record<string, string | number | boolean>> | undefined
  /** HTTP: the query, decoded. For expressions alone, and not kept: the facts have it as sent. */
  readonly query?: Readonly<Record<string, string | readonly string[]>> | undefined
  /** HTTP: what stands for the `:name` parts of the path, decoded. For expressions alone. */
  readonly params?: Readonly<Record<string, string>> | undefined
}
