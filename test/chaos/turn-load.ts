import { setTimeout as delay } from 'node:timers/promises'
import { send } from '../e2e/http-client.ts'
import type { ProgramDatabase } from '../services/program-database.ts'

/** Jobs with ordering keys: each key's come one after the other, and number `n` of a key is its n-th. */
export interface TurnLoad {
  /** How many jobs each key has so far. */
  readonly sent: ReadonlyMap<string, number>
  /** No new jobs; resolves when every one is stored. Rejects with the first wrong answer. */
  finish(): Promise<void>
  /** Ends it for a test that has failed. */
  abandon(): Promise<void>
}

/** Those jobs of a key fail for good at once, and let it go. */
export const failsForGood = (n: number): boolean => n % 7 === 3

/**
 * Starts one client for each key. It posts a job until it is acknowledged by any instance, then the next one;
 * every third job it writes by SQL.
 */
export function startTurnLoad(options: {
  readonly urls: readonly string[]
  readonly database: ProgramDatabase
  readonly keys: number
}): TurnLoad {
  const { urls, database } = options
  const sent = new Map<string, number>()
  let finishing = false
  let abandoned = false

  async function client(key: string): Promise<void> {
    for (let n = 1; !finishing && !abandoned; n += 1) {
      sent.set(key, n)
      if (n % 3 === 0) await insert(key, n)
      else await post(key, n)
      await delay(40 + 80 * Math.random())
    }
  }

  async function post(key: string, n: number): Promise<void> {
    while (!abandoned) {
      const url = urls[Math.floor(Math.random() * urls.length)] ?? ''
      const answer = await send(`${url}/api/jobs`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': `${key}:${n}` },
        body: JSON.stringify({ handler: 'turn', ordering_key: key, payload: { key, n } }),
        signal: AbortSignal.timeout(1_500),
      }).catch(() => undefined)
      if (answer?.status === 202) return
      if (answer !== undefined && answer.status !== 503) {
        throw new Error(`${key}:${n} was answered ${answer.status}: ${answer.text}`)
      }
      await delay(25)
    }
  }

  /** Another program, which knows the tables alone. */
  async function insert(key: string, n: number): Promise<void> {
    await database.sql(`INSERT INTO queue_jobs (handler, payload, orderingkey)
      VALUES ('turn', '{"key":"${key}","n":${n}}', '${key}')`)
  }

  const all = Promise.all(
    Array.from({ length: options.keys }, (_, index) => client(`key-${index}`)),
  )
  // It is awaited at the end; a failure before must not be an unhandled one.
  all.catch(() => undefined)
  return {
    sent,
    finish: async () => {
      finishing = true
      await all
    },
    abandon: async () => {
      abandoned = true
      await all.catch(() => undefined)
    },
  }
}
