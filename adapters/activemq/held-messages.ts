import type { InboundMessage } from '../../src/domain/message.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { Offered } from '../../src/ports/offering.ts'
import { messageIdentity } from './message-identity.ts'
import type { ReceivedFrame } from './received-frame.ts'
import type { StompLine } from './stomp-line.ts'

/** A message from its arrival until the broker has been told that it is stored. */
export interface HeldMessage extends Offered {
  /** Which message it is, also when it comes again. */
  readonly identity: string
  /** By which it is acknowledged, on {@link HeldMessage.origin} alone. */
  readonly messageId: string
  readonly origin: StompLine
  readonly bytes: number
}

/** How much of a subscription is held at once. */
export interface HoldLimits {
  readonly messages: number
  readonly bytes: number
}

/** What a message costs beside its payload, roughly. */
const OVERHEAD_BYTES = 500
/** How long a line may have been gone for its acknowledgements to be in doubt, and for its messages to come again. */
const DOUBT_MS = 60_000
/** Acknowledgements that were written this long ago have reached a broker that is heard of. */
const RECENT_MS = 5_000
const MAX_RECENT = 10_000

/**
 * What one subscription has taken in and not acknowledged yet, bounded: above the limits its line reads no more.
 *
 * After a cut the broker sends again what it has no acknowledgement for. What was stored just before, or while
 * the line was gone, is known for a minute, and is acknowledged at once instead of being stored again.
 */
export class HeldMessages {
  readonly #limits: HoldLimits
  readonly #clock: Clock
  readonly #held = new Set<HeldMessage>()
  /** Acknowledged, with when: the last ones are in doubt when their line breaks. */
  readonly #recent = new Map<string, number>()
  /** Stored, and the broker may not know: until when they are known again. */
  readonly #doubtful = new Map<string, number>()
  #bytes = 0
  #paused: StompLine | undefined

  constructor(limits: HoldLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  /** Messages that are held. */
  get count(): number {
    return this.#held.size
  }

  /** Takes a message in. `undefined`: it is stored already, and has been acknowledged. */
  take(frame: ReceivedFrame, message: InboundMessage, line: StompLine): HeldMessage | undefined {
    const messageId = frame.headers.get('message-id') ?? ''
    const identity = messageIdentity(frame)
    if (this.#isStored(identity)) {
      this.#acknowledge(line, messageId, identity)
      return undefined
    }
    const held: HeldMessage = {
      message,
      line: lineOf(message),
      identity,
      messageId,
      origin: line,
      bytes: OVERHEAD_BYTES + message.body.byteLength,
    }
    this.#held.add(held)
    this.#bytes += held.bytes
    if (this.#isOver() && this.#paused === undefined) {
      this.#paused = line
      line.pause()
    }
    return held
  }

  /** This one is committed, or need not be: it is acknowledged on the line on which it came, if that is there. */
  settled(held: HeldMessage): void {
    if (held.origin.isOpen()) this.#acknowledge(held.origin, held.messageId, held.identity)
    else this.#doubtful.set(held.identity, this.#clock.monotonicMs() + DOUBT_MS)
    this.#remove(held)
  }

  /** The line is gone; nothing of it is offered any more. What was not settled is the broker's again. */
  dropped(line: StompLine): void {
    for (const held of this.#held) if (held.origin === line) this.#remove(held)
    if (this.#paused === line) this.#paused = undefined
  }

  /** The line is gone: what was acknowledged on it last may not have arrived. */
  disconnected(): void {
    const now = this.#clock.monotonicMs()
    this.#forget(this.#doubtful, now)
    for (const [identity, at] of this.#recent) {
      if (at > now - RECENT_MS) this.#doubtful.set(identity, now + DOUBT_MS)
    }
    this.#recent.clear()
  }

  #isStored(identity: string): boolean {
    const until = this.#doubtful.get(identity)
    return until !== undefined && until > this.#clock.monotonicMs()
  }

  #acknowledge(line: StompLine, messageId: string, identity: string): void {
    const now = this.#clock.monotonicMs()
    if (this.#recent.size >= MAX_RECENT) this.#forget(this.#recent, now - RECENT_MS)
    if (this.#recent.size < MAX_RECENT) this.#recent.set(identity, now)
    line.acknowledge(messageId)
  }

  /** Both maps are in the order of their times. */
  #forget(times: Map<string, number>, before: number): void {
    for (const [identity, at] of times) {
      if (at >= before) return
      times.delete(identity)
    }
  }

  #remove(held: HeldMessage): void {
    if (!this.#held.delete(held)) return
    this.#bytes -= held.bytes
    const line = this.#paused
    if (line === undefined || this.#isOver()) return
    this.#paused = undefined
    if (line.isOpen()) line.resume()
  }

  #isOver(): boolean {
    return this.#held.size >= this.#limits.messages || this.#bytes >= this.#limits.bytes
  }
}

/** Whose order is kept: a destination's, or that of one of its message groups. */
function lineOf({ method, key }: InboundMessage): string {
  return key === undefined ? method : `${method} ${key}`
}
