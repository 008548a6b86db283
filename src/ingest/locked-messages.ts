import type { Clock } from '../ports/clock.ts'
import { isInOrder, lanesOf, type WaitingMessage } from './waiting-rows.ts'

/** What {@link LockedMessages} needs. */
export interface LockedMessagesOptions {
  /** Inserts one by itself: afterwards it is settled, or was told to {@link LockedMessages.wait}. Never rejects. */
  readonly attempt: (message: WaitingMessage) => Promise<void>
  /** One has left, and with it perhaps what kept others of its batch waiting. */
  readonly left: () => void
  readonly clock: Clock
}

/** How long a message waits whose key somebody still holds, in milliseconds. */
const PAUSE_MS = 250

/**
 * Messages of which somebody's open transaction has a key. They are inserted one by one beside the groups, which do not wait
 * for them. Those behind one of the same batch and the same ordering key wait for it: they would overtake it.
 */
export class LockedMessages {
  readonly #options: LockedMessagesOptions
  /** In the order in which they came, with the time before which they are not tried again. */
  readonly #waiting = new Map<WaitingMessage, number>()
  #running: Promise<void> | undefined

  constructor(options: LockedMessagesOptions) {
    this.#options = options
  }

  add(message: WaitingMessage): void {
    this.#waiting.set(message, 0)
    this.#running ??= this.#run()
  }

  /** Its key is still held. */
  wait(message: WaitingMessage): void {
    this.#waiting.set(message, this.#options.clock.monotonicMs() + PAUSE_MS)
  }

  /** Those that would overtake this one. */
  behind(message: WaitingMessage): readonly WaitingMessage[] {
    const all = [...this.#waiting.keys()]
    return all.slice(all.indexOf(message) + 1).filter((other) => isInOrder(message, other))
  }

  /** Whether this one would overtake one that waits here. */
  isBehind(message: WaitingMessage): boolean {
    for (const other of this.#waiting.keys()) {
      if (other === message) return false
      if (isInOrder(other, message)) return true
    }
    return false
  }

  /** Batches of which nothing else may be inserted meanwhile. */
  *batches(): Iterable<object> {
    for (const message of this.#waiting.keys()) if (lanesOf(message).length > 0) yield message.batch
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0
  }

  /** Resolves when none waits. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async #run(): Promise<void> {
    const { attempt, left, clock } = this.#options
    while (this.#waiting.size > 0) {
      const now = clock.monotonicMs()
      const [next] = [...this.#waiting].find(
        ([message, notBefore]) =>
          message.isSettled || (notBefore <= now && !this.isBehind(message)),
      ) ?? [undefined]
      if (next === undefined) await new Promise<void>((resolve) => clock.after(PAUSE_MS, resolve))
      else {
        if (!next.isSettled) await attempt(next)
        if (next.isSettled) this.#waiting.delete(next)
        left()
      }
    }
    this.#running = undefined
  }
}
