import type { Protocol } from '../domain/job-type.ts'
import type { Headers } from '../domain/job.ts'
import type { Json } from '../domain/json.ts'

/** A message on its way out, as an adapter is given it. */
export interface OutboundMessage {
  /** The job's id, the same at every repeat: the far side knows by it what it has already. */
  readonly id: string
  readonly payload: Uint8Array
  /** The row has no payload at all, and `payload` is empty: a tombstone, where the protocol knows one. */
  readonly isNull?: true | undefined
  readonly contentType: string | undefined
  /** The broker's message key. */
  readonly key: string | undefined
  /**
   * Names as the row has them, and the publication's own over them; with `idempotency-key`, and `traceparent`
   * and `correlation-id` where the row has them.
   */
  readonly headers: Headers
  /** The publication's templates ({@link AdapterDefinition.templates}), rendered for this message, by key. */
  readonly target: Readonly<Record<string, Json>>
  /** 1 for the first attempt. */
  readonly attempt: number
}

/**
 * What became of one message.
 * - `published`: the far side has confirmed it. `answer`: what it said, for `job_histories.outputdata`.
 * - `refused`: the far side did not take it: an attempt. `permanent`: no repeat can help, and it is a dead
 *   letter. `retryAfterMs`: not before this, if the far side said so.
 * - `unconfirmed`: it may have arrived: an attempt, and a repeat that carries the same id.
 * - `unsent`: it never left, since there is no connection, or no such publication: no attempt, however long that lasts.
 */
export type Publishing =
  | { readonly outcome: 'published'; readonly answer?: string | undefined }
  | {
      readonly outcome: 'refused'
      readonly error: string
      readonly permanent: boolean
      readonly retryAfterMs?: number | undefined
      readonly answer?: string | undefined
    }
  | { readonly outcome: 'unconfirmed' | 'unsent'; readonly error: string }

/** Publishes messages of one publication, as {@link RunningAdapter.publish} of adapter.ts does. */
export type Publish = (
  messages: readonly OutboundMessage[],
  signal: AbortSignal,
) => Promise<readonly Publishing[]>

/** Where whoever runs adapters says what can be published now. Every method may be called at any time. */
export interface Publishers {
  /** Whether the connection of a publication is there; also what was said before. */
  connected(address: string, isConnected: boolean): void
  /** Who publishes; `undefined`: nobody any more, until the adapter has been started again. */
  bind(address: string, publish: Publish | undefined): void
}

/** The publications that messages can be addressed to. */
export interface PublicationDirectory {
  find(address: string): { readonly protocol: Protocol; readonly name: string } | undefined
  /** What was probably meant by an address that is not there. */
  closest(address: string): string | undefined
}

/** None at all. */
export const NO_PUBLICATIONS: PublicationDirectory = {
  find: () => undefined,
  closest: () => undefined,
}
