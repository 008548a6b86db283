import type { IConnackPacket, MqttClient } from 'mqtt'
import type { Publishing } from '../../src/ports/outbound.ts'
import type { OutboundPacket } from './outbound-packet.ts'
import { refusal } from './refusals.ts'

/** A packet that can be sent. */
type Packet = Extract<OutboundPacket, { readonly ok: true }>

/** How long it may take, and until when somebody waits. */
interface Patience {
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

const MAX_IN_FLIGHT = 65_535
/** What a packet has beside payload and topic, at most: its properties were measured when it was made. */
const OVERHEAD_BYTES = 64

/** One connection that publishes: within what the broker allows, and each message until it is settled. */
export class OutboundConnection {
  readonly #client: MqttClient
  readonly #maxInFlight: number
  readonly #maxBytes: number
  readonly #maxQos: number
  readonly #cuts = new Set<(reason: string) => void>()
  readonly #queue = new Set<() => void>()
  readonly #stalled: (reason: string) => void
  /** One for each packet id that the broker has not given back yet, however long ago somebody gave it up. */
  readonly #watches = new Set<NodeJS.Timeout>()
  #inFlight = 0
  /** Why nothing is sent on it any more. */
  #broken: string | undefined

  /** @param stalled called when the broker leaves a message unanswered: the connection is to be broken. */
  constructor(
    client: MqttClient,
    { properties = {} }: IConnackPacket,
    stalled: (reason: string) => void,
  ) {
    this.#client = client
    this.#stalled = stalled
    // What a broker of MQTT 5 says of itself. Source: MQTT 5, section 3.2.2.3.
    this.#maxInFlight = properties.receiveMaximum ?? MAX_IN_FLIGHT
    this.#maxBytes = properties.maximumPacketSize ?? Number.POSITIVE_INFINITY
    this.#maxQos = properties.maximumQoS ?? 2
  }

  /** Sends one message, behind those before it. */
  publish(packet: Packet, { timeoutMs, signal }: Patience): Promise<Publishing> {
    const problem = this.#problem(packet)
    if (problem !== undefined) {
      return Promise.resolve({ outcome: 'refused', error: problem, permanent: true })
    }
    if (this.#broken !== undefined) {
      return Promise.resolve({
        outcome: 'unsent',
        error: `the connection was broken: ${this.#broken}`,
      })
    }
    return new Promise((resolve) => {
      let isSent = false
      const settle = (publishing: Publishing): void => {
        clearTimeout(timer)
        this.#cuts.delete(cut)
        this.#queue.delete(send)
        signal.removeEventListener('abort', given)
        resolve(publishing)
      }
      const end = (unconfirmed: string, unsent: string): void => {
        settle(
          isSent
            ? { outcome: 'unconfirmed', error: unconfirmed }
            : { outcome: 'unsent', error: unsent },
        )
      }
      const cut = (reason: string): void => {
        end(
          `the connection broke before the broker confirmed it: ${reason}`,
          `the connection broke before it was sent: ${reason}`,
        )
      }
      const given = (): void => {
        end(
          'nobody waited for the confirmation any more',
          'nobody waited any more, and it was not sent',
        )
      }
      const timer = setTimeout(() => {
        end(
          `the broker did not confirm it within ${timeoutMs} ms`,
          `it was not sent within ${timeoutMs} ms: the broker had to confirm others first`,
        )
      }, timeoutMs)
      const send = (): void => {
        this.#queue.delete(send)
        isSent = true
        this.#inFlight += 1
        const watch = this.#watch(timeoutMs)
        this.#client.publish(packet.topic, packet.payload, packet.options, (error) => {
          // Only now its packet id is free, however long ago somebody gave it up.
          this.#inFlight -= 1
          clearTimeout(watch)
          this.#watches.delete(watch)
          settle(error instanceof Error ? refusal(error) : { outcome: 'published' })
          this.#next()
        })
      }
      this.#cuts.add(cut)
      signal.addEventListener('abort', given)
      this.#queue.add(send)
      this.#next()
    })
  }

  /** The connection is gone. */
  cut(reason: string): void {
    this.#broken ??= reason
    for (const watch of this.#watches) clearTimeout(watch)
    this.#watches.clear()
    for (const cut of this.#cuts) cut(reason)
  }

  /**
   * A broker that does not answer keeps a place of its receive maximum for as long as the connection lasts: with
   * all of them lost nothing would be sent any more. From when it was sent: it may have waited for others.
   */
  #watch(timeoutMs: number): NodeJS.Timeout {
    const watch = setTimeout(() => {
      const reason = `the broker left a message unanswered for ${timeoutMs} ms`
      this.cut(reason)
      this.#stalled(reason)
    }, timeoutMs)
    this.#watches.add(watch)
    return watch
  }

  #next(): void {
    for (const send of this.#queue) {
      if (this.#inFlight >= this.#maxInFlight) return
      send()
    }
  }

  #problem({ topic, payload, options }: Packet): string | undefined {
    const bytes = payload.length + Buffer.byteLength(topic) + OVERHEAD_BYTES
    if (bytes > this.#maxBytes) {
      return `The broker takes packets of ${this.#maxBytes} bytes, and this one has ${bytes}.`
    }
    if ((options.qos ?? 0) > this.#maxQos) {
      return `The broker takes quality of service ${this.#maxQos} at most: set qos of the publication.`
    }
    return undefined
  }
}
