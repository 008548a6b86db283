import { Redis } from 'ioredis'
import { z } from 'zod'
import type { Clock, Timer } from '../../ports/clock.ts'
import type { Log } from '../../ports/log.ts'
import { connectionOptions, reasonOf, type RedisAddress } from './address.ts'
import { LATE, limited } from './limited.ts'

/** One server and the connection that commands go over. */
export interface RedisNode {
  readonly address: RedisAddress
  /** Whether it answered when it was asked last. */
  isUp(): boolean
  /**
   * Sends something, if the node is up. Resolves to `undefined` when it is not, does not answer within
   * `limitMs`, or answers something else than `shape`: the node is then down, and asked nothing more
   * until it has answered a probe. Never rejects.
   */
  ask<T>(
    send: (client: Redis) => Promise<unknown>,
    shape: z.ZodType<T>,
    limitMs: number,
  ): Promise<T | undefined>
  /** Calls `listener` each time it answers again, and the first time. */
  onUp(listener: () => void): void
  /** Ends the connection. May be called twice. */
  close(): void
}

/** What {@link connectNode} takes. */
export interface NodeOptions {
  readonly address: RedisAddress
  /** Asked of a node that is down: it must fail wherever the real commands would. */
  readonly probe: (client: Redis) => Promise<unknown>
  readonly clock: Clock
  readonly log: Log
}

/** A probe that takes longer has found a server that is too slow to wait for, in milliseconds. */
const PROMPT_MS = 150

/** A node that is up is probed this often, so that health is true also while nobody asks for locks. In milliseconds. */
const CHECK_EVERY_MS = 3_000

/** Nobody waits for such a check, in milliseconds. */
const CHECK_LIMIT_MS = 1_000

/** Between two probes of a node that is down; it doubles up to the longest, in milliseconds. */
const PROBE_PAUSE_MS = { first: 50, longest: 1_000 }

/** No probe is waited for any longer: the connection has been given up by then. */
const PROBE_LIMIT_MS = 6_000

/**
 * Connects to a server, for ever, and waits for nothing. The log has one line when the node goes down,
 * and one when it is back.
 */
export function connectNode({ address, probe, clock, log }: NodeOptions): RedisNode {
  const listeners: (() => void)[] = []
  let up = false
  /** What the log was told last. */
  let told: 'up' | 'down' | undefined
  let reason: string | undefined
  let closed = false
  let probing = false
  let pauseMs = PROBE_PAUSE_MS.first
  let timer: Timer | undefined
  const client = new Redis(connectionOptions(address))

  client.on('error', (error) => {
    reason = reasonOf(error, address)
  })
  client.on('ready', () => void probeNow())
  client.on('close', () => {
    goDown(reason ?? 'the server closed the connection')
  })

  function goDown(why: string): void {
    up = false
    if (closed) return
    if (told !== 'down') {
      log.warn(
        { node: address.name, reason: why },
        'a Redis node does not answer; while a majority is missing, leases in the database alone decide who runs what',
      )
    }
    told = 'down'
    probeSoon()
  }

  function goUp(): void {
    up = true
    reason = undefined
    pauseMs = PROBE_PAUSE_MS.first
    if (told === 'down') log.info({ node: address.name }, 'a Redis node answers again')
    told = 'up'
    checkSoon()
    for (const listener of listeners) listener()
  }

  function checkSoon(): void {
    timer?.cancel()
    timer = clock.after(CHECK_EVERY_MS, () => {
      void ask(probe, z.unknown(), CHECK_LIMIT_MS).then(() => {
        if (up) checkSoon()
      })
    })
  }

  /** Where there is no connection, the next one begins with a probe. */
  function probeSoon(): void {
    if (closed || client.status !== 'ready') return
    timer?.cancel()
    timer = clock.after(pauseMs, () => void probeNow())
    pauseMs = Math.min(pauseMs * 2, PROBE_PAUSE_MS.longest)
  }

  // A function, since the compiler would otherwise take `closed` for unchanged across an await.
  function isClosed(): boolean {
    return closed
  }

  async function probeNow(): Promise<void> {
    if (probing || up || closed) return
    probing = true
    const sentAt = clock.monotonicMs()
    let trouble: string | undefined
    try {
      await limited(probe(client), PROBE_LIMIT_MS, clock)
      const tookMs = clock.monotonicMs() - sentAt
      if (tookMs > PROMPT_MS) trouble = `an answer took ${Math.round(tookMs)} ms`
    } catch (error) {
      trouble = reasonOf(error, address)
    }
    probing = false
    if (trouble !== undefined) goDown(trouble)
    else if (!isClosed()) goUp()
  }

  async function ask<T>(
    send: (connection: Redis) => Promise<unknown>,
    shape: z.ZodType<T>,
    limitMs: number,
  ): Promise<T | undefined> {
    if (!up) return undefined
    try {
      const answer = await limited(send(client), limitMs, clock)
      if (answer !== LATE) return shape.parse(answer)
      goDown(`no answer within ${Math.round(limitMs)} ms`)
    } catch (error) {
      goDown(reasonOf(error, address))
    }
    return undefined
  }

  return {
    address,
    isUp: () => up,
    ask,
    onUp: (listener) => {
      listeners.push(listener)
    },
    close: () => {
      closed = true
      up = false
      timer?.cancel()
      client.disconnect()
    },
  }
}
