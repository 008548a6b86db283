import type { AdapterHealth, AdapterPublication } from '../../../src/ports/adapter.ts'
import type { OutboundMessage, Publishing } from '../../../src/ports/outbound.ts'
import type { HttpConnectionOptions } from '../connection-options.ts'
import type { HttpPublicationOptions } from '../publication-options.ts'
import { createAttempts } from './attempts.ts'
import { createCredentials, type Shown } from './credentials.ts'
import { exchange, type Exchange } from './exchange.ts'
import { createLine, type Line } from './line.ts'
import { type OutgoingRequest, toRequest } from './outgoing.ts'
import { publishingOf } from './outcome.ts'
import { createSlots, type Slots } from './slots.ts'

type Publication = AdapterPublication<HttpPublicationOptions>

/** What a publication sends by. */
interface Outlet extends Publication {
  readonly line: Line
  readonly slots: Slots
}

/** The outbound side of one connection. */
export interface Publisher {
  /** Sends messages side by side, as many as the connection allows, and says of each what became of it. */
  publish(
    publication: string,
    messages: readonly OutboundMessage[],
    signal: AbortSignal,
  ): Promise<readonly Publishing[]>
  health(): AdapterHealth
  /** Waits for what is under way, and closes the connections. */
  stop(): Promise<void>
}

/** Answers with which what shows who sends is shown anew, once. */
const NOT_TAKEN = [401, 403]

/** Makes the outbound side; nothing is connected before the first message. */
export function createPublisher(
  connection: HttpConnectionOptions,
  publications: readonly Publication[],
): Publisher {
  const baseUrl = new URL(connection.base_url ?? '')
  const lineOptions = {
    tls: connection.tls,
    proxy: connection.proxy,
    maxConnections: connection.max_connections,
    connectTimeoutMs: connection.connect_timeout_ms,
  }
  const credentials = createCredentials(connection.auth, lineOptions)
  const headers = lowerCase(connection.headers ?? {})
  // A line and places of its own for each: one that hangs takes no other's.
  const byName = new Map(
    publications.map((one): [string, Outlet] => [
      one.name,
      {
        ...one,
        line: createLine(baseUrl, lineOptions),
        slots: createSlots(connection.max_connections),
      },
    ]),
  )
  const attempts = createAttempts([...byName.keys()], Date.now)
  const underWay = new Set<Promise<unknown>>()

  /** One exchange, and a second one where the far side did not take a token that may have been withdrawn. */
  const converse = async (
    request: OutgoingRequest,
    { timeoutMs, options, line }: Outlet,
    signal: AbortSignal,
  ): Promise<Exchange> => {
    const until = performance.now() + timeoutMs
    const send = (shown: Shown): Promise<Exchange> | Exchange => {
      // Without a token nothing has left.
      if (!shown.ok) return { kind: 'unsent', error: shown.error }
      return exchange({ ...request, headers: { ...request.headers, ...shown.headers } }, line, {
        timeoutMs: Math.max(until - performance.now(), 1),
        maxBodyBytes: options.max_response_bytes,
        signal,
      })
    }
    const shown = await credentials.show()
    const first = await send(shown)
    if (credentials.showAnew === undefined) return first
    if (first.kind !== 'answered' || !NOT_TAKEN.includes(first.status)) return first
    const second = await send(await credentials.showAnew(shown))
    // What is known of the message is that it was refused.
    return second.kind === 'unsent' ? first : second
  }

  const publishOne = async (
    publication: Outlet,
    message: OutboundMessage,
    signal: AbortSignal,
  ): Promise<Publishing> => {
    const outgoing = toRequest(message, { baseUrl, headers, options: publication.options })
    if (!outgoing.ok) return { outcome: 'refused', error: outgoing.error, permanent: true }
    const giveBack = await publication.slots.take(signal)
    if (giveBack === undefined) {
      return { outcome: 'unsent', error: 'it was broken off while it waited for a connection' }
    }
    try {
      const result = await converse(outgoing.request, publication, signal)
      const publishing = publishingOf(result, publication.options, Date.now())
      // What we broke off ourselves says nothing about the far side.
      if (result.kind === 'answered' || !signal.aborted) attempts.note(publication.name, publishing)
      return publishing
    } finally {
      giveBack()
    }
  }

  return {
    publish: async (name, messages, signal) => {
      const publication = byName.get(name)
      if (publication === undefined) {
        const error = `there is no publication ${name} here`
        return messages.map(() => ({ outcome: 'unsent', error }))
      }
      const all = Promise.all(messages.map((message) => publishOne(publication, message, signal)))
      underWay.add(all)
      const forget = (): void => {
        underWay.delete(all)
      }
      all.then(forget, forget)
      return await all
    },
    health: () => attempts.health(),
    stop: async () => {
      await Promise.allSettled(underWay)
      credentials.close()
      for (const { line } of byName.values()) line.close()
    },
  }
}

function lowerCase(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  )
}
