import type { HubConnection } from '@microsoft/signalr'
import { errorMessage } from '../../src/domain/errors.ts'
import type { AdapterPublication } from '../../src/ports/adapter.ts'
import { adapterPublisher, type AdapterPublisher } from '../../src/ports/adapter-publisher.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { OutboundMessage, Publishing } from '../../src/ports/outbound.ts'
import { type Call, HubRefusal } from './call-protocol.ts'
import { keepConnected, type LinkParts } from './link.ts'
import type { SignalrPublicationOptions } from './options/publication.ts'
import { outboundCall } from './outbound-call.ts'

/** What {@link openPublisher} needs. */
export interface PublisherOptions extends LinkParts {
  readonly publications: readonly AdapterPublication<SignalrPublicationOptions>[]
  readonly connected: (isConnected: boolean) => void
}

const MAX_ANSWER_CHARACTERS = 2_048

/** Opens the connection, which is made again, for ever. */
export function openPublisher(options: PublisherOptions): AdapterPublisher {
  const { clock } = options
  let client: HubConnection | undefined
  /** Of the connection that there is: they end with it. */
  let cuts = new Set<(reason: string) => void>()

  const link = keepConnected({
    ...options,
    up: (one) => {
      client = one
      options.connected(true)
    },
    down: (_one, reason) => {
      const broken = cuts
      cuts = new Set()
      client = undefined
      options.connected(false)
      for (const cut of broken) cut(reason)
    },
  })

  async function publishOne(
    { options: own, timeoutMs }: AdapterPublication<SignalrPublicationOptions>,
    message: OutboundMessage,
    signal: AbortSignal,
  ): Promise<Publishing> {
    if (client === undefined) {
      const why = link.lastReason() ?? 'not yet'
      return { outcome: 'unsent', error: `not connected to the hub: ${why}` }
    }
    const made = outboundCall(own, message, options.connection.protocol)
    if (!made.ok) return { outcome: 'refused', error: made.problem, permanent: true }
    const ended = await perform(client, made.call, { timeoutMs, signal, cuts, clock })
    // A method that never ends keeps a place at the hub, by default the only one, for as long as the connection lasts.
    if (ended === 'late') {
      link.cut(`the hub left a call unanswered for ${timeoutMs} ms`)
      return unconfirmed(`the hub did not answer within ${timeoutMs} ms`)
    }
    return ended
  }

  return adapterPublisher({
    publications: options.publications,
    problem: () => (link.isConnected() ? undefined : (link.lastReason() ?? 'not connected yet')),
    send: (publication, messages, signal) =>
      Promise.all(messages.map((message) => publishOne(publication, message, signal))),
    leave: () => link.stop(),
  })
}

interface PerformOptions {
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly cuts: Set<(reason: string) => void>
  readonly clock: Clock
}

/** Calls the hub, and says what became of it; `late`: nothing in time. */
async function perform(
  client: HubConnection,
  call: Call,
  { timeoutMs, signal, cuts, clock }: PerformOptions,
): Promise<Publishing | 'late'> {
  return await new Promise((resolve) => {
    const settle = (outcome: Publishing | 'late'): void => {
      timer.cancel()
      cuts.delete(cut)
      signal.removeEventListener('abort', given)
      resolve(outcome)
    }
    const cut = (reason: string): void => {
      settle(unconfirmed(`the connection broke before the hub confirmed it: ${reason}`))
    }
    const given = (): void => {
      settle(unconfirmed('nobody waited for the confirmation any more'))
    }
    const timer = clock.after(timeoutMs, () => {
      settle('late')
    })
    cuts.add(cut)
    signal.addEventListener('abort', given)
    const performed: Promise<unknown> = call.isAwaited
      ? client.invoke<unknown>(call.target, call)
      : client.send(call.target, call)
    performed.then(
      (result) => {
        settle(result instanceof HubRefusal ? refused(result) : published(result))
      },
      // What a hub refuses never comes here: see callProtocol.
      (error: unknown) => {
        settle(unconfirmed(errorMessage(error)))
      },
    )
  })
}

/** The hub's method threw. What another message does, or the same one later, it does not say. */
function refused({ reason }: HubRefusal): Publishing {
  return { outcome: 'refused', error: `the hub refuses it: ${reason}`, permanent: false }
}

function published(result: unknown): Publishing {
  if (result === undefined || result === null) return { outcome: 'published' }
  const text = typeof result === 'string' ? result : JSON.stringify(result)
  return { outcome: 'published', answer: text.slice(0, MAX_ANSWER_CHARACTERS) }
}

function unconfirmed(error: string): Publishing {
  return { outcome: 'unconfirmed', error }
}
