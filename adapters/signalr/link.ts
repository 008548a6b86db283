import type { HubConnection } from '@microsoft/signalr'
import { pauseMs } from '../../src/domain/back-off.ts'
import type { Clock, Timer } from '../../src/ports/clock.ts'
import type { Log } from '../../src/ports/log.ts'
import type { AccessTokens } from './access-tokens.ts'
import { createHubClient, isStateful } from './hub-client.ts'
import { hubTrouble } from './hub-trouble.ts'
import type { SignalrConnectionOptions } from './options/connection.ts'
import { within } from './within.ts'

/** What every link of a connection has in common. */
export interface LinkParts {
  readonly connection: SignalrConnectionOptions
  readonly tokens: AccessTokens | undefined
  readonly clock: Clock
  /** Chance in [0, 1). */
  readonly random: () => number
  readonly log: Log
}

/** What {@link keepConnected} needs. */
export interface LinkOptions extends LinkParts {
  /** Before a client connects: what must be in place when the first event comes in. */
  readonly prepare?: (client: HubConnection) => void
  /** What must succeed before the connection counts: it is left, and made again, where this rejects. */
  readonly introduce?: (client: HubConnection) => Promise<void>
  readonly up: (client: HubConnection) => void
  /** The connection of this client, which was up, is gone. */
  readonly down: (client: HubConnection, reason: string) => void
}

/** A connection that is made again, for ever, until it is stopped. */
export interface Link {
  isConnected(): boolean
  /** Whether this client's connection is the one there is; one that was left may still be heard of. */
  has(client: HubConnection): boolean
  /** Why it is not connected, or was not the last time. */
  lastReason(): string | undefined
  /** Leaves the connection that there is; the next one follows after the usual pause. */
  cut(reason: string): void
  /** Says goodbye to the hub, and connects no more. May be called twice. */
  stop(): Promise<void>
}

const PAUSES = { firstMs: 200, longestMs: 10_000 }
/** How long a connection must have lasted for the pauses to begin anew. */
const SETTLED_MS = 5_000
const GOODBYE_MS = 2_000

/**
 * Keeps one connection to the hub, also when the hub is not there at the first start. Each has a client of its own,
 * and the pauses between two grow to ten seconds. A short break that the library mends by itself, by a stateful
 * reconnect, is none.
 */
export function keepConnected(options: LinkOptions): Link {
  const { connection, tokens, clock, log } = options
  /** In a row. */
  let failures = 0
  let client: HubConnection | undefined
  let upSince: number | undefined
  let reason: string | undefined
  let told: string | undefined
  let timer: Timer | undefined
  let watch: Timer | undefined
  let heardAt = 0
  /** The last error of a request, while a connection is being made. */
  let cause: unknown
  let stopping: Promise<void> | undefined

  function open(): void {
    cause = undefined
    const one = createHubClient(connection, tokens?.forConnection(), {
      heard: () => {
        if (client === one) heardAt = clock.monotonicMs()
      },
      failed: (error) => {
        if (client === one) cause = error
      },
    })
    client = one
    one.onclose((error) => {
      lost(
        one,
        error === undefined ? 'the hub closed the connection' : hubTrouble(error, undefined),
      )
    })
    options.prepare?.(one)
    void connect(one)
  }

  async function connect(one: HubConnection): Promise<void> {
    try {
      const limitMs = connection.connect_timeout
      await within(clock, limitMs, one.start(), `the hub did not answer within ${limitMs} ms`)
      cause = undefined
      await options.introduce?.(one)
    } catch (error) {
      tokens?.failed()
      lost(one, hubTrouble(error, cause))
      return
    }
    // It may have been closed or stopped while the hub answered.
    if (client !== one) return
    if (stopping !== undefined) return
    upSince = clock.monotonicMs()
    told = undefined
    log.info({ url: shownUrl(connection) }, 'connected to the hub')
    options.up(one)
    guard(one)
  }

  /**
   * A hub that falls silent has its connection closed by the library, which then goes on with it where the hub offers
   * that, and waits for as long as the hub is silent: nobody would notice.
   */
  function guard(one: HubConnection): void {
    const limitMs = connection.server_timeout + connection.connect_timeout
    watch = clock.after(connection.server_timeout / 2, () => {
      if (client !== one) return
      if (isStateful(one) && clock.monotonicMs() - heardAt > limitMs) {
        lost(one, `the hub was silent for ${limitMs} ms`)
      } else guard(one)
    })
  }

  function lost(one: HubConnection, why: string): void {
    if (client !== one) return
    const wasUp = upSince !== undefined
    const lasted = upSince === undefined ? 0 : clock.monotonicMs() - upSince
    client = undefined
    upSince = undefined
    watch?.cancel()
    reason = why
    if (wasUp) options.down(one, why)
    // Also one that is still connecting ends by this, whenever its hub answers; it need not be waited for.
    one.stop().catch(() => undefined)
    if (stopping !== undefined) return
    // Once for each reason: a hub that is away for a night is one line.
    if (told !== why) log.warn({ reason: why }, 'not connected to the hub')
    told = why
    failures = lasted > SETTLED_MS ? 1 : failures + 1
    timer = clock.after(pauseMs(PAUSES, failures) * (0.75 + options.random() / 2), open)
  }

  async function end(): Promise<void> {
    timer?.cancel()
    const one = client
    if (one === undefined) return
    // One that is still connecting waits in vain for its hub.
    if (upSince !== undefined) {
      await within(clock, GOODBYE_MS, one.stop(), 'no goodbye').catch(() => undefined)
    }
    lost(one, 'stopped')
  }

  open()
  return {
    isConnected: () => upSince !== undefined,
    has: (one) => client === one,
    lastReason: () => reason,
    cut: (why) => {
      if (client !== undefined) lost(client, why)
    },
    stop: () => (stopping ??= Promise.resolve().then(end)),
  }
}

/** Without what stands behind the path, which may be a secret. */
function shownUrl({ url }: SignalrConnectionOptions): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}
