import { isUtf8 } from 'node:buffer'
import type { Clock } from '../../src/ports/clock.ts'
import type { Publishing } from '../../src/ports/outbound.ts'
import { frameText, refusal } from './error-frame.ts'
import type { OutboundFrame } from './outbound-frame.ts'
import type { ReceivedFrame } from './received-frame.ts'
import type { StompLine } from './stomp-line.ts'

/** A frame that can be sent. */
type Frame = Extract<OutboundFrame, { readonly ok: true }>

/** How a message is to be sent. */
export interface SendOptions {
  readonly timeoutMs: number
  /** Aborts when nobody waits any more. */
  readonly signal: AbortSignal
  /** With nothing else under way, so that an ERROR without a receipt can only be about it. */
  readonly isAlone: boolean
}

/** A message from its begin to its end. */
interface Outgoing extends SendOptions {
  readonly frame: Frame
  /** Of the SEND; `undefined`: it has not been sent. */
  receipt: string | undefined
  end(publishing: Publishing): void
}

/** Receipts that may be missing, of messages that nobody waits for any more. */
const MAX_LOST_RECEIPTS = 500

/** One line that publishes: each message until the broker's receipt. */
export class OutboundLine {
  readonly #line: StompLine
  readonly #clock: Clock
  /** Not sent yet, in their order. */
  readonly #queue = new Set<Outgoing>()
  /** Sent, by receipt. */
  readonly #sent = new Map<string, Outgoing>()
  #receipts = 0
  #lost = 0
  /** Why nothing is sent on it any more. */
  #broken: string | undefined

  constructor(line: StompLine, clock: Clock) {
    this.#line = line
    this.#clock = clock
    line.onError = (frame) => {
      this.#refused(frame)
    }
  }

  /** Sends one message, behind those before it. */
  publish(frame: Frame, options: SendOptions): Promise<Publishing> {
    if (!this.#line.takesBytes && typeof frame.body !== 'string' && !isUtf8(frame.body)) {
      const error = 'ActiveMQ Classic takes no bytes over WebSocket: use stomp:// or stomp+ssl://'
      return Promise.resolve({ outcome: 'refused', error, permanent: false })
    }
    const broken = this.#broken
    if (broken !== undefined) {
      return Promise.resolve({ outcome: 'unsent', error: `the connection was broken: ${broken}` })
    }
    return new Promise((resolve) => {
      const { timeoutMs, signal } = options
      const outgoing: Outgoing = {
        ...options,
        frame,
        receipt: undefined,
        end: (publishing) => {
          timer.cancel()
          signal.removeEventListener('abort', given)
          this.#queue.delete(outgoing)
          if (outgoing.receipt !== undefined) this.#sent.delete(outgoing.receipt)
          resolve(publishing)
          this.#next()
        },
      }
      const giveUp = (unconfirmed: string, unsent: string): void => {
        const wasSent = outgoing.receipt !== undefined
        if (wasSent) this.#lose()
        outgoing.end(
          wasSent
            ? { outcome: 'unconfirmed', error: unconfirmed }
            : { outcome: 'unsent', error: unsent },
        )
      }
      const timer = this.#clock.after(timeoutMs, () => {
        giveUp(
          `the broker did not confirm it within ${timeoutMs} ms`,
          `it was not sent within ${timeoutMs} ms: others had to be confirmed first`,
        )
      })
      const given = (): void => {
        giveUp(
          'nobody waited for the confirmation any more',
          'nobody waited any more, and it was not sent',
        )
      }
      signal.addEventListener('abort', given)
      this.#queue.add(outgoing)
      this.#next()
    })
  }

  /** The line is gone. */
  cut(reason: string): void {
    this.#broken ??= reason
    for (const outgoing of this.#sent.values()) {
      outgoing.end({
        outcome: 'unconfirmed',
        error: `the connection broke before the broker confirmed it: ${reason}`,
      })
    }
    for (const outgoing of this.#queue) {
      outgoing.end({
        outcome: 'unsent',
        error: `the connection broke before it was sent: ${reason}`,
      })
    }
  }

  #next(): void {
    if (this.#broken !== undefined) return
    for (const outgoing of this.#queue) {
      const isOtherAlone = [...this.#sent.values()].some(({ isAlone }) => isAlone)
      if (isOtherAlone || (outgoing.isAlone && this.#sent.size > 0)) return
      this.#send(outgoing)
    }
  }

  #send(outgoing: Outgoing): void {
    this.#queue.delete(outgoing)
    this.#receipts += 1
    const receipt = `r${this.#receipts}`
    outgoing.receipt = receipt
    this.#sent.set(receipt, outgoing)
    this.#line.awaitReceipt(receipt, () => {
      const found = this.#sent.get(receipt)
      if (found === undefined) this.#lost -= 1
      else found.end({ outcome: 'published' })
    })
    this.#line.send({ ...outgoing.frame.headers, receipt }, outgoing.frame.body)
  }

  /** An ERROR frame: of Artemis always about one message, of Classic also about whatever was sent last. */
  #refused(frame: ReceivedFrame): void {
    const receipt = frame.headers.get('receipt-id')
    if (receipt !== undefined) {
      const found = this.#sent.get(receipt)
      if (found === undefined) this.#lost -= 1
      else found.end(refusal(frame))
      return
    }
    const reason = frameText(frame)
    // First: what waits behind the one at fault must not be sent into a connection that ends.
    this.#broken ??= reason
    const [only, ...others] = this.#sent.values()
    if (only !== undefined && others.length === 0 && this.#lost === 0) only.end(refusal(frame))
    this.cut(reason)
    this.#line.cut(reason)
  }

  /** A broker that answers nothing and is still heard of: another connection may find it in a better state. */
  #lose(): void {
    this.#lost += 1
    if (this.#lost < MAX_LOST_RECEIPTS) return
    const reason = `the broker left ${this.#lost} messages unanswered`
    this.#broken = reason
    this.#line.cut(reason)
  }
}
