import type { CrossdockError } from '../domain/errors.ts'
import type { InboundMessage } from '../domain/message.ts'
import type { StatusWord } from '../domain/status.ts'

/**
 * What became of one delivered message.
 * - `stored`: committed as job `jobId`.
 * - `duplicate`: its inbox key is job `jobId`, committed earlier.
 * - `dead`: could not be stored as asked; committed as dead letter `jobId`.
 * - `filtered`: the subscription's filter does not want it; not stored.
 * - `invalid`: refused and not stored, because the delivery or the subscription asked for that.
 * - `refused`: not stored, for the reason that is told, while others of the delivery were settled. The
 *   adapter does not acknowledge it and offers it again; but what is `payload_too_large`, which only a
 *   delivery with `reject` meets, can never be stored.
 * The first three stand for a COMMIT that has happened: the adapter acknowledges. It acknowledges
 * `filtered` and `invalid` too: nothing more will come of them.
 */
export type Delivery =
  | {
      readonly outcome: 'stored' | 'duplicate' | 'dead'
      readonly jobId: string
      /** The job's status, for senders who wait for an answer; of a duplicate, what its row says now. */
      readonly status?: StatusWord | undefined
      /** Of a duplicate: whether its `bodySha256` is that of the message that became the job; unknown: left out. */
      readonly sameBody?: boolean | undefined
    }
  | { readonly outcome: 'filtered' }
  | { readonly outcome: 'invalid'; readonly problems: readonly InputProblem[] }
  | { readonly outcome: 'refused'; readonly error: CrossdockError }

/** Where an input is wrong, and how. */
export interface InputProblem {
  /**
   * Dotted path into the payload; empty for the payload itself. Of an expression its key in the
   * subscription: `filter`, `map.priority`.
   */
  readonly path: string
  readonly message: string
}

/** How a delivery is to be taken. */
export interface DeliveryOptions {
  /**
   * What to do with a message that its handler's input, its content type, its schema or an expression
   * refuses, where the subscription does not say: `dead` stores it as a dead letter (the sender is gone),
   * `reject` stores nothing (the sender waits for the answer). A message too large to be stored is a
   * dead letter without its body with `dead`, and `refused` with `reject`.
   */
  readonly onInvalid: 'dead' | 'reject'
}

/** Where adapters put what they received. */
export interface MessageSink {
  /**
   * Stores the messages and says of each what became of it, in order, only after COMMIT.
   * Each message settles by itself: one that cannot be stored takes no other along. May be called at any
   * time, also while earlier calls are under way: they commit in groups.
   * @throws CrossdockError when every message of the delivery is `refused`, with the first one's error:
   *   the adapter acknowledges nothing and offers them again. `database_unavailable`, `database_locked`,
   *   `database_retryable`, `mapping_unavailable`, `instance_stopping`; `payload_too_large` with `reject`;
   *   `usage`, for no such subscription.
   */
  deliver(
    messages: readonly InboundMessage[],
    options: DeliveryOptions,
  ): Promise<readonly Delivery[]>
}
