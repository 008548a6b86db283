import { Redis } from 'ioredis'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import { connectionOptions, reasonOf, type RedisAddress } from './address.ts'

/** What {@link subscribe} takes. */
export interface SubscriberOptions {
  readonly address: RedisAddress
  readonly channel: string
  /** Called after each subscription that the server confirmed. */
  readonly onSubscribed: () => void
  readonly onMessage: (text: string) => void
  readonly clock: Clock
  readonly log: Log
}

/** How often a connection that only listens is asked whether it is still there, in milliseconds. */
const PING_EVERY_MS = 15_000

/** After a subscription that was refused, in milliseconds. */
const REFUSED_PAUSE_MS = 2_000

/** Listens on one node, on a connection of its own, and reconnects for ever. */
export function subscribe(options: SubscriberOptions): { stop(): void } {
  const { address, channel, onSubscribed, onMessage, clock, log } = options
  const client = new Redis(connectionOptions(address))
  let timer: Timer | undefined
  let refused = false
  let stopped = false

  async function begin(): Promise<void> {
    try {
      await client.subscribe(channel)
    } catch (error) {
      refuse(error)
      return
    }
    refused = false
    if (stopped) return
    ping()
    onSubscribed()
  }

  function refuse(error: unknown): void {
    // A connection that broke says so by itself, and the next one is under way.
    if (stopped || client.status !== 'ready') return
    if (!refused) {
      log.warn(
        { node: address.name, reason: reasonOf(error, address) },
        'a Redis node does not let this instance listen for wake-ups; it finds work by polling',
      )
    }
    refused = true
    timer = clock.after(REFUSED_PAUSE_MS, () => {
      client.disconnect(true)
    })
  }

  function ping(): void {
    timer?.cancel()
    timer = clock.after(PING_EVERY_MS, () => {
      // One that gets no answer is given up by the limit on silence.
      client.ping().then(ping, () => undefined)
    })
  }

  // The other connection to this node logs that it is away.
  client.on('error', () => undefined)
  client.on('ready', () => void begin())
  client.on('close', () => timer?.cancel())
  client.on('message', (_channel, text) => {
    if (!stopped) onMessage(text)
  })

  return {
    stop: () => {
      stopped = true
      timer?.cancel()
      client.disconnect()
    },
  }
}
