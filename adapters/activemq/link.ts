import { pauseMs } from '../../src/domain/back-off.ts'
import type { Clock, Timer } from '../../src/ports/clock.ts'
import type { Log } from '../../src/ports/log.ts'
import type { ActivemqConnectionOptions } from './options/connection.ts'
import { openLine, type StompLine } from './stomp-line.ts'

/** What {@link keepConnected} needs. */
export interface LinkOptions {
  readonly connection: ActivemqConnectionOptions
  /** Of a durable subscriber. */
  readonly clientId?: string
  /** The broker has accepted us. */
  readonly up: (line: StompLine) => void
  /** This line, which was up, is gone. */
  readonly down: (line: StompLine, reason: string) => void
  readonly clock: Clock
  /** Chance in [0, 1). */
  readonly random: () => number
  readonly log: Log
}

/** A connection that is made again, for ever, until it is stopped. */
export interface Link {
  isConnected(): boolean
  /** Why it is not connected, or was not the last time. */
  lastReason(): string | undefined
  /** Says goodbye to the broker, and connects no more. May be called twice. */
  stop(): Promise<void>
}

const PAUSES = { firstMs: 200, longestMs: 10_000 }
/** How long a connection must have lasted for the pauses to begin anew. */
const SETTLED_MS = 5_000

/**
 * Keeps one connection to the broker, also when no address answers at the first start: each in turn, at once as
 * long as there is another one, and then after a pause that grows to ten seconds.
 */
export function keepConnected(options: LinkOptions): Link {
  const { connection, clientId, clock, random, log } = options
  const urls = typeof connection.urls === 'string' ? [connection.urls] : connection.urls
  let attempt = 0
  /** In a row. */
  let failures = 0
  let opening: ReturnType<typeof openLine> | undefined
  let line: StompLine | undefined
  let upSince = 0
  let reason: string | undefined
  let told: string | undefined
  let timer: Timer | undefined
  let stopping: Promise<void> | undefined
  let closed: (() => void) | undefined

  function open(): void {
    const url = urls[attempt % urls.length] ?? ''
    attempt += 1
    opening = openLine({
      connection,
      url,
      clientId,
      listener: {
        up: (one) => {
          if (stopping !== undefined) return
          line = one
          upSince = clock.monotonicMs()
          told = undefined
          log.info({ url, server: one.server, client_id: clientId }, 'connected to the broker')
          options.up(one)
        },
        closed: lost,
      },
      clock,
    })
  }

  function lost(why: string): void {
    const gone = line
    line = undefined
    opening = undefined
    reason = why
    if (gone !== undefined) options.down(gone, why)
    closed?.()
    if (stopping !== undefined) return
    // Once for each reason: a broker that is away for a night is one line.
    if (told !== why) log.warn({ reason: why, client_id: clientId }, 'not connected to the broker')
    told = why
    const hasLasted = gone !== undefined && clock.monotonicMs() - upSince > SETTLED_MS
    failures = hasLasted ? 1 : failures + 1
    // The others first: one round through the list is one failure.
    const rounds = Math.ceil(failures / urls.length)
    const pause = failures % urls.length === 0 ? pauseMs(PAUSES, rounds) : PAUSES.firstMs / 2
    timer = clock.after(pause * (0.75 + random() / 2), open)
  }

  async function end(): Promise<void> {
    timer?.cancel()
    const one = opening
    if (one === undefined) return
    const isOver = new Promise<void>((resolve) => (closed = resolve))
    await one.close()
    await isOver
  }

  open()
  return {
    isConnected: () => line !== undefined,
    lastReason: () => reason,
    stop: () => (stopping ??= Promise.resolve().then(end)),
  }
}
