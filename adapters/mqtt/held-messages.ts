import type { IPublishPacket } from 'mqtt'
import type { InboundMessage } from '../../src/domain/message.ts'
import type { Offered } from '../../src/ports/offering.ts'
import type { Acknowledgements } from './acknowledgements.ts'

/** A message from its arrival until the broker has been told that it is stored. */
export interface HeldMessage extends Offered {
  readonly qos: 0 | 1 | 2
  /** `undefined`: quality of service 0, which nobody acknowledges. */
  readonly packetId: number | undefined
  readonly bytes: number
  /** The connection that it is acknowledged on; `undefined`: it is gone, and the broker sends it again. */
  acknowledgements: Acknowledgements | undefined
  isStored: boolean
  /** Whether it was refused once: others are acknowledged before it. */
  wasRefused: boolean
}

/** How much of a subscription is held at once. */
export interface HoldLimits {
  readonly messages: number
  readonly bytes: number
}

/** What a message costs beside its payload, roughly. */
const OVERHEAD_BYTES = 500

/**
 * What one session has taken in and not acknowledged yet. Acknowledgements go out in the order of arrival, as
 * the protocol asks; only what was refused, and is offered again, holds up no others.
 *
 * It outlives connections: a message that the broker sends again after a cut, under the packet id that it
 * still has here, is the same one and is not stored twice.
 */
export class HeldMessages {
  readonly #limits: HoldLimits
  /** In order of arrival; of quality 1 and 2. */
  #unacknowledged: HeldMessage[] = []
  readonly #byPacket = new Map<number, HeldMessage>()
  #count = 0
  #bytes = 0
  #resume: (() => void) | undefined

  constructor(limits: HoldLimits) {
    this.#limits = limits
  }

  /** Messages that are held. */
  get count(): number {
    return this.#count
  }

  /** Whether nothing more is read until some of it is stored. */
  get isFull(): boolean {
    return this.#resume !== undefined
  }

  /**
   * Takes a message in. Returns it, or `undefined` when it is one that is held already; calls `next` when the
   * next one may be read.
   */
  take(
    packet: IPublishPacket,
    message: InboundMessage,
    acknowledgements: Acknowledgements,
    next: () => void,
  ): HeldMessage | undefined {
    const known = this.#known(packet)
    if (known !== undefined) {
      known.acknowledgements = acknowledgements
      if (known.isStored) this.#acknowledge(known)
      else this.#unacknowledged.push(known)
      next()
      return undefined
    }
    const held: HeldMessage = {
      message,
      line: packet.topic,
      qos: packet.qos,
      packetId: packet.qos === 0 ? undefined : packet.messageId,
      bytes: OVERHEAD_BYTES + message.body.byteLength,
      acknowledgements,
      isStored: false,
      wasRefused: false,
    }
    this.#count += 1
    this.#bytes += held.bytes
    if (held.packetId !== undefined) {
      this.#unacknowledged.push(held)
      this.#byPacket.set(held.packetId, held)
    }
    if (this.#isOver()) this.#resume = next
    else next()
    return held
  }

  /** These are committed, or need not be: they are acknowledged as soon as it is their turn. */
  settled(messages: readonly HeldMessage[]): void {
    for (const held of messages) {
      held.isStored = true
      this.#count -= 1
      this.#bytes -= held.bytes
    }
    this.#acknowledgeInOrder()
    if (this.#isOver()) return
    const resume = this.#resume
    this.#resume = undefined
    resume?.()
  }

  /** The connection is gone: what was not acknowledged on it comes again, if the broker keeps the session. */
  disconnected(acknowledgements: Acknowledgements): void {
    for (const held of this.#byPacket.values()) {
      if (held.acknowledgements === acknowledgements) held.acknowledgements = undefined
    }
    this.#unacknowledged = this.#unacknowledged.filter(
      (held) => held.acknowledgements !== undefined,
    )
    // Its reader is gone as well; the next connection has one of its own.
    this.#resume = undefined
  }

  /** The broker has a new session for us: packet ids begin anew. */
  sessionIsNew(): void {
    this.#byPacket.clear()
  }

  /** The sender knows that we have this message of quality 2. */
  released(packetId: number): void {
    this.#byPacket.delete(packetId)
  }

  /** A packet id is free only after it was acknowledged: with it in use, this is the same message again. */
  #known(packet: IPublishPacket): HeldMessage | undefined {
    if (packet.qos === 0 || packet.messageId === undefined) return undefined
    const known = this.#byPacket.get(packet.messageId)
    return known !== undefined && packet.dup && known.line === packet.topic ? known : undefined
  }

  #acknowledgeInOrder(): void {
    const waiting = this.#unacknowledged
    // What was refused once is passed over.
    let end = 0
    while (end < waiting.length) {
      const held = waiting[end]
      if (held === undefined || (!held.isStored && !held.wasRefused)) break
      end += 1
    }
    const passed = waiting.slice(0, end)
    const kept = passed.filter((held) => !held.isStored)
    this.#unacknowledged = [...kept, ...waiting.slice(end)]
    for (const held of passed) if (held.isStored) this.#acknowledge(held)
  }

  #acknowledge(held: HeldMessage): void {
    const { acknowledgements, packetId, qos } = held
    if (packetId === undefined || qos === 0 || acknowledgements?.isOpen() !== true) return
    acknowledgements.stored(packetId, qos)
    // Of quality 2 it is known until the sender releases it.
    if (qos === 1) this.#byPacket.delete(packetId)
  }

  #isOver(): boolean {
    return this.#count > this.#limits.messages || this.#bytes > this.#limits.bytes
  }
}
