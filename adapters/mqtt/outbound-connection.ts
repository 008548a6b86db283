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
  #inFlight = 0

  constructor(client: MqttClient, { properties = {} }: IConnackPacket) {
    this.#client = client
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
    return new Promise((resolve) => {
      let isSent = false
      const settle = (publishing: Publishing): void => {
        clearTimeout(timer)
        this.#cuts.delete(cut)
        this.#queue.delete(send)
        signal.removeEventListener('abort', given)
        resolve(publishing)
      }
      const end = (error: string): void => {
        settle({ outcome: isSent ? 'unconfirmed' : 'unsent', error })
      }
      const cut = (reason: string): void => {
        end(`the connection broke before the broker confirmed it: ${reason}`)
      }
      const given = (): void => {
        end('nobody waited for the confirmation any more')
      }
      const timer = setTimeout(() => {
        end(`the broker did not confirm it within ${timeoutMs} ms`)
      }, timeoutMs)
      const send = (): void => {
        this.#queue.delete(send)
        isSent = true
        this.#inFlight += 1
        this.#client.publish(packet.topic, packet.payload, packet.options, (error) => {
          // Only now its packet id is free, however long ago somebody gave it up.
          this.#inFlight -= 1
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
    for (const cut of this.#cuts) cut(reason)
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
