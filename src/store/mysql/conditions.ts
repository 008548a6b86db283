import { performance } from 'node:perf_hooks'
import mysql from 'mysql2'
import { CrossdockError, errorMessage } from '../../domain/errors.ts'
import type { ConditionResult, Conditions } from '../../ports/conditions.ts'
import {
  CONDITION_LIMIT_MS,
  conditionStatement,
  type FirstValue,
  holds,
  MAX_ANSWER_BYTES,
  tookTooLong,
} from '../condition-answer.ts'
import { type MysqlConnection, options } from './connection-options.ts'

/** What {@link createMysqlConditions} needs. */
export interface MysqlConditionsSettings {
  /** Of a login that can only SELECT, unless `unsafe`. */
  readonly connection: MysqlConnection
  /** The login may be one that can write: nobody asks what it can. */
  readonly unsafe: boolean
  /** Default 5 s; in milliseconds. */
  readonly limitMs?: number | undefined
}

/** Types whose values are compared with 0: all numbers, bits and years. */
const NUMBERS: ReadonlySet<number> = new Set([0, 1, 2, 3, 4, 5, 8, 9, 13, 16, 246])

/** Rights of a login that reads, and what every login has. */
const HARMLESS = ['SELECT', 'USAGE', 'SHOW VIEW', 'SHOW DATABASES']

/** What a login that can only SELECT does not have. */
const CAN_WRITE = `SELECT privilege_type AS found FROM (
    SELECT privilege_type FROM information_schema.user_privileges
    UNION ALL SELECT privilege_type FROM information_schema.schema_privileges
    UNION ALL SELECT privilege_type FROM information_schema.table_privileges
  ) p WHERE privilege_type NOT IN (${HARMLESS.map((name) => `'${name}'`).join(', ')}) LIMIT 1`

/** The session of a condition. MariaDB's limit ends the statement on the server, MySQL's that of a SELECT. */
function sessionOf(limitMs: number): string {
  return `SET SESSION time_zone = '+00:00', autocommit = 1, sql_select_limit = 1, lock_wait_timeout = 1,
    innodb_lock_wait_timeout = 1, character_set_client = utf8mb4, collation_connection = utf8mb4_bin
    /*M!, max_statement_time = ${limitMs / 1000} */ /*!80000 , max_execution_time = ${limitMs} */`
}

/**
 * Conditions on MySQL and MariaDB. Each has a connection of its own, a read-only transaction and one prepared
 * statement, which takes no second one; the connection is thrown away with what it holds. A server that works on
 * without listening is told by another connection to stop.
 */
export function createMysqlConditions(settings: MysqlConditionsSettings): Conditions {
  const limitMs = settings.limitMs ?? CONDITION_LIMIT_MS
  let checked = settings.unsafe

  async function ask(connection: mysql.Connection, text: string): Promise<ConditionResult> {
    await run(connection, sessionOf(limitMs))
    if (!checked) {
      const [row] = await run<{ found: string }>(connection, CAN_WRITE)
      if (row !== undefined) {
        return failed(
          `the login of database.condition_url must be able to SELECT and nothing else, and it has ${row.found}`,
        )
      }
      checked = true
    }
    await run(connection, 'START TRANSACTION READ ONLY')
    const from = performance.now()
    const first = await firstValue(connection, conditionStatement(text))
    // One that was cut off may have given anything: MariaDB's SLEEP() gives 1.
    return performance.now() - from >= limitMs
      ? timedOut(limitMs)
      : { kind: 'answered', holds: holds(first) }
  }

  return {
    evaluate: async (text) => {
      const connection = mysql.createConnection(options(settings.connection, 'crossdock condition'))
      connection.on('error', () => undefined)
      const over = Promise.withResolvers<ConditionResult>()
      let timer: NodeJS.Timeout | undefined
      try {
        await connected(connection)
        // Our clock: the condition has no part of it.
        timer = setTimeout(() => {
          over.resolve(timedOut(limitMs))
          stopOnServer(settings.connection, connection.threadId)
        }, limitMs)
        const asked = ask(connection, text)
        asked.catch(() => undefined)
        return await Promise.race([asked, over.promise])
      } catch (error) {
        return isCutOff(error) ? timedOut(limitMs) : failed(errorMessage(error))
      } finally {
        clearTimeout(timer)
        connection.destroy()
      }
    },
  }
}

function connected(connection: mysql.Connection): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.connect((error) => {
      if (error === null) resolve()
      else reject(error)
    })
  })
}

function run<Row>(connection: mysql.Connection, text: string): Promise<readonly Row[]> {
  return new Promise((resolve, reject) => {
    connection.query(text, (error: Error | null, rows: unknown) => {
      if (error !== null) reject(error)
      else resolve(Array.isArray(rows) ? (rows as Row[]) : [])
    })
  })
}

/** The first value; the rest is not waited for. */
function firstValue(connection: mysql.Connection, text: string): Promise<FirstValue> {
  return new Promise((resolve, reject) => {
    const { stream } = connection as unknown as { stream: NodeJS.ReadableStream }
    let bytes = 0
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= MAX_ANSWER_BYTES) return
      reject(new CrossdockError('payload_too_large', 'it gave more than a yes or a no: 1 MiB'))
      connection.destroy()
    })
    let isNumber = false
    const command = connection.execute({ sql: text, rowsAsArray: true })
    command
      .on('error', reject)
      .on('fields', (fields: { readonly columnType?: number }[]) => {
        isNumber = NUMBERS.has(fields[0]?.columnType ?? -1)
      })
      .on('result', (row: unknown) => {
        if (Array.isArray(row)) resolve({ kind: 'value', value: row[0], isNumber })
      })
      .on('end', () => {
        resolve({ kind: 'none' })
      })
  })
}

/** Every login may end its own connections. Never throws: at its limit the server ends it by itself, mostly. */
function stopOnServer(connection: MysqlConnection, thread: number | null): void {
  if (thread === null) return
  const killer = mysql.createConnection(options(connection, 'crossdock condition'))
  killer.on('error', () => undefined)
  killer.query(`KILL CONNECTION ${thread}`, () => {
    killer.destroy()
  })
}

/** Errors of MariaDB's and MySQL's own limits. */
function isCutOff(error: unknown): boolean {
  const errno: unknown =
    typeof error === 'object' && error !== null ? Reflect.get(error, 'errno') : undefined
  return errno === 1969 || errno === 3024
}

function failed(reason: string): ConditionResult {
  return { kind: 'failed', reason, timedOut: false }
}

function timedOut(limitMs: number): ConditionResult {
  return { kind: 'failed', reason: tookTooLong(limitMs), timedOut: true }
}
