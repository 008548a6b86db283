import { setTimeout as delay } from 'node:timers/promises'
import { askServer, DATABASE, type ServerAnswer, type ServerQuestion } from './server-dialogue.ts'

/** How waiting for a server ended. */
export type Readiness =
  | { readonly kind: 'ready'; readonly version: string }
  | { readonly kind: 'ended' }
  | { readonly kind: 'timeout'; readonly lastAnswer: string }

/** What {@link waitUntilReady} waits for and how long. */
export interface ReadinessWait {
  /** Where to connect; asked each time, as a starting server writes it down late. */
  address(): Promise<Omit<ServerQuestion, 'database'> | undefined>
  isRunning(): Promise<boolean>
  readonly limitMs: number
}

/** How long a start may take that does not have to recover. */
export const START_LIMIT_MS = 60_000
// Replaying the log after a crash can take minutes on a slow disk. Ending the server then would
// only make the next start begin again from the same place.
const RECOVERY_LIMIT_MS = 10 * 60_000
const POLL_MS = 20
const CANNOT_CONNECT_NOW = '57P03'
const NO_SUCH_DATABASE = '3D000'

/** Waits until the server lets us into the `crossdock` database, which is made when it is absent. */
export async function waitUntilReady(wait: ReadinessWait): Promise<Readiness> {
  const began = Date.now()
  let lastAnswer = 'no socket yet'
  let limitMs = wait.limitMs
  while (Date.now() - began < limitMs) {
    if (!(await wait.isRunning())) return { kind: 'ended' }
    const address = await wait.address()
    if (address !== undefined) {
      const answer = await askForDatabase(address)
      if (answer.kind === 'done') return { kind: 'ready', version: answer.serverVersion }
      lastAnswer = answer.message
      if (answer.kind === 'refused' && answer.sqlState === CANNOT_CONNECT_NOW) {
        limitMs = RECOVERY_LIMIT_MS
      }
    }
    await delay(POLL_MS)
  }
  return { kind: 'timeout', lastAnswer }
}

async function askForDatabase(address: Omit<ServerQuestion, 'database'>): Promise<ServerAnswer> {
  const answer = await askServer({ ...address, database: DATABASE })
  if (answer.kind !== 'refused' || answer.sqlState !== NO_SUCH_DATABASE) return answer
  const sql = `CREATE DATABASE ${DATABASE}`
  const made = await askServer({ ...address, database: 'postgres', sql })
  return made.kind === 'done' ? askServer({ ...address, database: DATABASE }) : made
}
