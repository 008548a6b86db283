import { Socket } from 'node:net'
import { connect, type IConnackPacket, type MqttClient } from 'mqtt'
import { pauseMs } from '../../src/domain/back-off.ts'
import type { Clock, Timer } from '../../src/ports/clock.ts'
import type { Log } from '../../src/ports/log.ts'
import { addressesOf, clientOptions, type ClientRole } from './client-options.ts'
import { connectTrouble } from './connect-trouble.ts'
import type { MqttConnectionOptions } from './options/connection.ts'

/** What {@link keepConnected} needs. */
export interface LinkOptions {
  readonly connection: MqttConnectionOptions
  readonly role: ClientRole
  /** Before a client connects: what must be in place when the first packet comes in. */
  readonly prepare?: (client: MqttClient) => void
  /** The broker has accepted this client. */
  readonly up: (client: MqttClient, packet: IConnackPacket) => void
  /** The connection of this client, which was up, is gone. */
  readonly down: (client: MqttClient, reason: string) => void
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
  /** Breaks the connection that there is, as an outage would: the next one follows after the usual pause. */
  cut(reason: string): void
  /** Says goodbye to the broker, and connects no more. May be called twice. */
  stop(): Promise<void>
}

const PAUSES = { firstMs: 200, longestMs: 10_000 }
/** How long a connection must have lasted for the pauses to begin anew. */
const SETTLED_MS = 5_000
const GOODBYE_MS = 2_000

/**
 * Keeps one connection to the broker, also when the broker is not there at the first start. Each has a client
 * of its own (see {@link clientOptions}), and the pauses between two grow to ten seconds.
 */
export function keepConnected(options: LinkOptions): Link {
  const { connection, role, clock, log } = options
  const addresses = addressesOf(connection)
  let attempt = 0
  /** In a row. */
  let failures = 0
  let client: MqttClient | undefined
  let upSince: number | undefined
  let reason: string | undefined
  let told: string | undefined
  let timer: Timer | undefined
  let stopping: Promise<void> | undefined

  function open(): void {
    const url = addresses[attempt % addresses.length] ?? ''
    attempt += 1
    reason = undefined
    try {
      const one = connect(url, clientOptions(connection, role))
      client = one
      listen(one, url)
      options.prepare?.(one)
      one.connect()
    } catch (error) {
      // Options that the library refuses at once, such as a certificate that is none.
      note(connectTrouble(error))
      lost()
    }
  }

  function listen(one: MqttClient, url: string): void {
    one.on('error', (error) => {
      note(connectTrouble(error))
    })
    one.on('disconnect', ({ reasonCode, properties }) => {
      note(`the broker says ${properties?.reasonString ?? `code ${String(reasonCode)}`}`)
    })
    one.on('connect', (packet) => {
      // It may have been stopped while the broker answered.
      if (client !== one || stopping !== undefined) return
      noDelay(one)
      upSince = clock.monotonicMs()
      told = undefined
      log.info({ url, client_id: role.clientId }, 'connected to the broker')
      options.up(one, packet)
    })
    one.on('close', () => {
      if (client !== one) return
      lost(one)
    })
  }

  function note(why: string): void {
    reason = why
  }

  function lost(one?: MqttClient): void {
    const why = reason ?? 'the connection was closed'
    const wasUp = upSince !== undefined
    const lasted = upSince === undefined ? 0 : clock.monotonicMs() - upSince
    client = undefined
    upSince = undefined
    reason = why
    // Before the library lets go of what was under way, for reasons of its own.
    if (one !== undefined && wasUp) options.down(one, why)
    one?.end(true)
    if (stopping !== undefined) return
    // Once for each reason: a broker that is away for a night is one line.
    if (told !== why)
      log.warn({ reason: why, client_id: role.clientId }, 'not connected to the broker')
    told = why
    failures = lasted > SETTLED_MS ? 1 : failures + 1
    timer = clock.after(pauseMs(PAUSES, failures) * (0.75 + options.random() / 2), open)
  }

  async function end(): Promise<void> {
    timer?.cancel()
    const one = client
    if (one === undefined) return
    const isUp = upSince !== undefined
    await new Promise<void>((resolve) => {
      const patience = setTimeout(() => {
        one.end(true)
        resolve()
      }, GOODBYE_MS)
      one.end(!isUp, () => {
        clearTimeout(patience)
        resolve()
      })
    })
    if (client === one) lost(one)
  }

  open()
  return {
    isConnected: () => upSince !== undefined,
    lastReason: () => reason,
    cut: (why) => {
      if (client === undefined) return
      note(why)
      client.stream.destroy()
    },
    stop: () => (stopping ??= Promise.resolve().then(end)),
  }
}

/** Acknowledgements are small: they must not wait for each other. A WebSocket has none to set. */
function noDelay({ stream }: MqttClient): void {
  if (stream instanceof Socket) stream.setNoDelay(true)
}
