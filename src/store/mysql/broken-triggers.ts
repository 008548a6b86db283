import mysql from 'mysql2/promise'
import { answeredInTime } from './connection-limits.ts'
import { options, type MysqlConnection } from './connection-options.ts'
import { brokenTrigger } from './errors.ts'

/** What {@link createTriggerRepair} needs. */
export interface TriggerRepairSettings {
  readonly connection: MysqlConnection
  /** Qualified, quoted names of our tables that have triggers. */
  readonly tables: readonly string[]
  /** Told how a repair ended: with the error that neither way got past, if any. */
  readonly onRepair: (failure: Error | undefined) => void
}

/** Makes the server forget triggers that it holds for broken. */
export interface TriggerRepair {
  /** Takes an error of any statement; begins a repair where it tells of such triggers. Never throws. */
  consider(error: unknown): void
}

/** Each statement that meets the triggers would begin the next one. */
const PAUSE_MS = 1_000
const PAUSE_AFTER_FAILURE_MS = 5_000

/** Whole seconds. While an ALTER TABLE waits for transactions, whatever comes to the table waits behind it. */
const TABLE_WAIT_SECONDS = 1

/**
 * MariaDB (seen on 10.11) reads the triggers of a table whenever it opens it once more. A connection that is killed
 * in that moment breaks the reading off, and the table stays open in the server's cache with triggers said to have
 * "an error in its body": whoever is given that one of the open tables can neither INSERT nor UPDATE, for as long as
 * the server runs. To close them all helps: FLUSH TABLES at once, which needs the privilege RELOAD; or any ALTER TABLE,
 * which an account that migrates has, in a moment in which no transaction is using the table. ANALYZE TABLE does not.
 */
export function createTriggerRepair(settings: TriggerRepairSettings): TriggerRepair {
  let isUnderWay = false
  let notBefore = -Infinity

  async function repair(): Promise<void> {
    const connection = await mysql.createConnection(options(settings.connection, 'crossdock'))
    try {
      connection.on('error', () => undefined)
      const ask = async (text: string): Promise<unknown> =>
        await answeredInTime(connection, connection.query(text))
      await ask(`SET SESSION lock_wait_timeout = ${TABLE_WAIT_SECONDS}`)
      // Of all tables: with names it would wait for every transaction that has used one of them.
      await ask('FLUSH LOCAL TABLES').catch(async () => {
        for (const table of settings.tables) {
          // None of them has a comment.
          await ask(`ALTER TABLE ${table} ALGORITHM = INSTANT, COMMENT = ''`)
        }
      })
    } finally {
      connection.destroy()
    }
  }

  return {
    consider: (error) => {
      if (!brokenTrigger(error) || isUnderWay || performance.now() < notBefore) return
      isUnderWay = true
      repair()
        .then(
          () => {
            notBefore = performance.now() + PAUSE_MS
            settings.onRepair(undefined)
          },
          (failure: unknown) => {
            notBefore = performance.now() + PAUSE_AFTER_FAILURE_MS
            settings.onRepair(failure instanceof Error ? failure : new Error(String(failure)))
          },
        )
        .finally(() => {
          isUnderWay = false
        })
    },
  }
}
