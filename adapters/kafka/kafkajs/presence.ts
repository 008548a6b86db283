import type { Kafka } from 'kafkajs'
import type { Log } from '../../../src/ports/log.ts'
import { failureText } from './failure.ts'

/** Called with why not, where the brokers cannot be reached. */
export type PresenceListener = (isConnected: boolean, problem: string | undefined) => void

/** Knows whether brokers can be reached: the library's producer notices it only when it sends. */
export interface Presence {
  start(): void
  /** A request has just failed: it looks again at once. */
  lost(error: unknown): void
  /** Tells at once, and after each change. Returns how to stop that. */
  onChange(listener: PresenceListener): () => void
  stop(): void
}

const WHILE_THERE_MS = 10_000
const WHILE_AWAY_MS = 1_000

/** Asks the cluster who it is, now and then, and often while it does not answer. */
export function keepLooking(client: Kafka, log: Log): Presence {
  const admin = client.admin()
  const listeners = new Set<PresenceListener>()
  let isThere = false
  let problem: string | undefined
  let timer: NodeJS.Timeout | undefined
  let isLooking = false
  let isStopped = false

  function tell(now: boolean, why: string | undefined): void {
    if (now === isThere && why === problem) return
    if (now !== isThere)
      log.debug({ reason: why }, now ? 'brokers answer' : 'brokers do not answer')
    isThere = now
    problem = why
    for (const listener of listeners) listener(now, why)
  }

  async function look(): Promise<void> {
    if (isLooking || isStopped) return
    isLooking = true
    clearTimeout(timer)
    try {
      await admin.connect()
      await admin.describeCluster()
      tell(true, undefined)
    } catch (error) {
      tell(false, failureText(error))
    }
    isLooking = false
    after(isThere ? WHILE_THERE_MS : WHILE_AWAY_MS)
  }

  function after(delayMs: number): void {
    if (!isStopped) timer = setTimeout(() => void look(), delayMs)
  }

  return {
    start: () => void look(),
    lost: (error) => {
      tell(false, failureText(error))
      void look()
    },
    onChange: (listener) => {
      listeners.add(listener)
      listener(isThere, problem)
      return () => listeners.delete(listener)
    },
    stop: () => {
      isStopped = true
      clearTimeout(timer)
      void admin.disconnect().catch(() => undefined)
    },
  }
}
