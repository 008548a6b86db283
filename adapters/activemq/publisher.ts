import type { AdapterPublication } from '../../src/ports/adapter.ts'
import { adapterPublisher, type AdapterPublisher } from '../../src/ports/adapter-publisher.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { Log } from '../../src/ports/log.ts'
import type { OutboundMessage, Publishing } from '../../src/ports/outbound.ts'
import { keepConnected } from './link.ts'
import type { ActivemqConnectionOptions } from './options/connection.ts'
import type { ActivemqPublicationOptions } from './options/publication.ts'
import { outboundFrame } from './outbound-frame.ts'
import { OutboundLine } from './outbound-line.ts'

/** What {@link openPublisher} needs. */
export interface PublisherOptions {
  readonly connection: ActivemqConnectionOptions
  readonly publications: readonly AdapterPublication<ActivemqPublicationOptions>[]
  readonly connected: (isConnected: boolean) => void
  readonly clock: Clock
  /** Chance in [0, 1). */
  readonly random: () => number
  readonly log: Log
}

/** Opens the connection, which connects by itself, again and again. */
export function openPublisher(options: PublisherOptions): AdapterPublisher {
  const { connection, clock, random, log } = options
  let current: OutboundLine | undefined

  const link = keepConnected({
    connection,
    up: (line) => {
      current = new OutboundLine(line, clock)
      options.connected(true)
    },
    down: (_line, reason) => {
      const broken = current
      current = undefined
      options.connected(false)
      broken?.cut(reason)
    },
    clock,
    random,
    log,
  })

  async function publishOne(
    { options: own, timeoutMs }: AdapterPublication<ActivemqPublicationOptions>,
    message: OutboundMessage,
    signal: AbortSignal,
  ): Promise<Publishing> {
    if (current === undefined) return unsent(link.lastReason())
    const frame = outboundFrame(connection.broker, own, message)
    if (!frame.ok) return { outcome: 'refused', error: frame.problem, permanent: true }
    // It was not confirmed before, perhaps since Classic broke the connection over it without saying so.
    const isAlone = connection.broker === 'classic' && message.attempt > 1
    return await current.publish(frame, { timeoutMs, signal, isAlone })
  }

  return adapterPublisher({
    publications: options.publications,
    problem: () => (link.isConnected() ? undefined : (link.lastReason() ?? 'not connected yet')),
    send: (publication, messages, signal) =>
      Promise.all(messages.map((message) => publishOne(publication, message, signal))),
    leave: () => link.stop(),
  })
}

function unsent(reason: string | undefined): Publishing {
  return { outcome: 'unsent', error: `not connected to the broker: ${reason ?? 'not yet'}` }
}
