import { setTimeout as delay } from 'node:timers/promises'
import { send } from '../e2e/http-client.ts'
import type { ProgramDatabase } from '../services/program-database.ts'

/** Where the load goes, and how much of it there is. */
export interface FleetLoadOptions {
  readonly urls: readonly string[]
  readonly database: ProgramDatabase
  /** Posts at once; default 10. */
  readonly clients?: number
  /** Between two keys of a client, in milliseconds; default 60: instances keep up, one of them away. */
  readonly pauseMs?: number
  /** What each body carries beside its key; default 0. */
  readonly paddingBytes?: number
  /**
   * The longest wait for an answer, in milliseconds; default 1,500: an instance that stands still takes
   * connections and says nothing.
   */
  readonly answerMs?: number
  /** Whether rows come by INSERT as well; default true. */
  readonly inserts?: boolean
}

/** What a key asks for: which handler has it follows from its name. */
export type Kind = 'effect' | 'late' | 'slow' | 'plain' | 'idle'

/** Jobs that come in by HTTP at every instance and by plain INSERT, until they are told to stop. */
export interface FleetLoad {
  /** Keys posted so far. */
  readonly sent: number
  /** Rows inserted so far. */
  readonly inserted: number
  /** Tries that got no answer, or were told to come again. */
  readonly repeats: number
  /** Tries that were told to come again: 503 with Retry-After. */
  readonly refused: number
  /** Posted keys that were acknowledged, each with every id that it was answered with. */
  readonly acknowledged: ReadonlyMap<string, ReadonlySet<string>>
  /** No new keys; resolves when every one is acknowledged. Rejects with the first wrong answer. */
  finish(): Promise<void>
  /** Ends the clients, acknowledged or not, for a test that has failed. */
  abandon(): Promise<void>
}

/** Starts the load. A client goes to a random instance with each try. */
export function startFleetLoad({
  urls,
  database,
  clients = 10,
  pauseMs = 60,
  paddingBytes = 0,
  answerMs = 1_500,
  inserts = true,
}: FleetLoadOptions): FleetLoad {
  const padding = 'x'.repeat(paddingBytes)
  const acknowledged = new Map<string, Set<string>>()
  let sent = 0
  let inserted = 0
  let repeats = 0
  let refused = 0
  let finishing = false
  let abandoned = false

  async function client(): Promise<void> {
    while (!finishing && !abandoned) {
      const number = (sent += 1)
      const kind = kindOf(number)
      await post(kind, `${kind}-${number}`)
      // Now and then one that was acknowledged is sent again, as a client does that lost the answer.
      if (number % 20 === 0) await post(kind, `${kind}-${number}`)
      await delay(pauseMs)
    }
  }

  async function post(kind: Kind, key: string): Promise<void> {
    while (!abandoned) {
      const url = urls[Math.floor(Math.random() * urls.length)] ?? ''
      const answer = await send(`${url}/in/${kind}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': key },
        body: JSON.stringify({ key, padding }),
        signal: AbortSignal.timeout(answerMs),
      }).catch(() => undefined)
      if (answer?.status === 202) {
        const ids = acknowledged.get(key) ?? new Set()
        acknowledged.set(key, ids.add(String(answer.body['id'])))
        return
      }
      if (answer !== undefined && answer.status !== 503) {
        throw new Error(`${key} was answered ${answer.status}: ${answer.text}`)
      }
      if (answer !== undefined) {
        refused += 1
        if (!(Number(answer.headers.get('retry-after')) > 0)) {
          throw new Error(`${key} was refused, and not told when to come again: ${answer.text}`)
        }
      }
      repeats += 1
      await delay(25)
    }
  }

  /** Another program, which knows the tables alone. */
  async function inserter(): Promise<void> {
    while (!finishing && !abandoned) {
      const rows = Array.from({ length: 5 }, () => {
        const number = (inserted += 1)
        const kind = kindOf(number)
        const key = `${kind}-insert-${number}`
        return `('${kind}', '{"key":"${key}"}', 'insert:${key}')`
      })
      await database.sql(
        `INSERT INTO queue_jobs (handler, payload, dedupekey) VALUES ${rows.join(', ')}`,
      )
      await delay(5 * pauseMs)
    }
  }

  const all = Promise.all([
    ...Array.from({ length: clients }, client),
    ...(inserts ? [inserter()] : []),
  ])
  // It is awaited at the end; a failure before must not be an unhandled one.
  all.catch(() => undefined)
  return {
    get sent() {
      return sent
    },
    get inserted() {
      return inserted
    },
    get repeats() {
      return repeats
    },
    get refused() {
      return refused
    },
    acknowledged,
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

/** Most are quick, and write in their transactions; a few take longer than a lease. */
function kindOf(number: number): Kind {
  if (number % 50 === 7) return 'slow'
  if (number % 20 === 3) return 'late'
  if (number % 20 === 13) return 'idle'
  return number % 4 === 0 ? 'plain' : 'effect'
}
