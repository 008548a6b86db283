import { performance } from 'node:perf_hooks'
import pg from 'pg'
import { errorMessage } from '../../domain/errors.ts'
import type { ConditionResult, Conditions } from '../../ports/conditions.ts'
import {
  CONDITION_LIMIT_MS,
  conditionStatement,
  type FirstValue,
  holds,
  MAX_ANSWER_BYTES,
  tookTooLong,
} from '../condition-answer.ts'
import { CONNECTION_WAIT_MS } from '../limits.ts'
import type { PostgresqlConnection } from './connect.ts'

/** What {@link createPostgresqlConditions} needs. */
export interface PostgresqlConditionsSettings {
  /** Of a login that can only SELECT, unless `unsafe`. */
  readonly connection: PostgresqlConnection
  readonly schema: string
  /** The login may be one that can write: nobody asks what it can. */
  readonly unsafe: boolean
  /** Default 5 s; in milliseconds. */
  readonly limitMs?: number | undefined
}

/** Types whose values are compared with 0: int8, int2, int4, oid, float4, float8, money, numeric. */
const NUMBERS: ReadonlySet<number> = new Set([20, 21, 23, 26, 700, 701, 790, 1700])

/** Beyond our clock's limit: for a connection of which we have lost sight. */
const SERVER_SLACK_MS = 1_000

/** What a login that can only SELECT does not have. One column: the reason, or null. */
const CAN_WRITE = `SELECT CASE
  WHEN (SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication FROM pg_roles WHERE rolname = current_user)
    THEN 'it is a superuser, or may make roles or databases'
  WHEN EXISTS (SELECT FROM pg_roles WHERE rolname IN ('pg_read_server_files', 'pg_write_server_files',
      'pg_execute_server_program', 'pg_write_all_data', 'pg_signal_backend', 'pg_maintain')
      AND pg_has_role(current_user, oid, 'MEMBER'))
    THEN 'it is a member of a role that may do more than read tables'
  WHEN EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
        AND n.nspname NOT LIKE 'pg\\_temp%' AND n.nspname NOT LIKE 'pg\\_toast%'
        AND has_schema_privilege(n.oid, 'USAGE')
        AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))
    THEN 'it may write to tables'
END`

/**
 * Conditions on PostgreSQL. Each has a connection of its own, a read-only transaction and one statement by the
 * extended protocol, which takes no second one; the connection is thrown away with what it holds.
 */
export function createPostgresqlConditions(settings: PostgresqlConditionsSettings): Conditions {
  const limitMs = settings.limitMs ?? CONDITION_LIMIT_MS
  let checked = settings.unsafe

  async function ask(client: pg.Client, text: string): Promise<ConditionResult> {
    if (!checked) {
      const { rows } = await client.query<{ case: string | null }>(CAN_WRITE)
      const [reason] = rows
      if (reason?.case !== null) {
        return failed(
          `the login of database.condition_url must be able to SELECT and nothing else, and ${reason?.case ?? '?'}`,
        )
      }
      checked = true
    }
    await client.query('BEGIN READ ONLY')
    const from = performance.now()
    const first = await firstValue(client, conditionStatement(text))
    return performance.now() - from >= limitMs
      ? timedOut(limitMs)
      : { kind: 'answered', holds: holds(first) }
  }

  return {
    evaluate: async (text) => {
      const client = openClient(settings, limitMs)
      // Whatever was begun breaks with the connection.
      client.on('error', () => undefined)
      const over = Promise.withResolvers<ConditionResult>()
      let timer: NodeJS.Timeout | undefined
      try {
        await client.connect()
        // Our clock: the condition has no part of it.
        timer = setTimeout(() => {
          over.resolve(timedOut(limitMs))
        }, limitMs)
        const asked = ask(client, text)
        asked.catch(() => undefined)
        return await Promise.race([asked, over.promise])
      } catch (error) {
        const code: unknown = error instanceof pg.DatabaseError ? error.code : undefined
        return code === '57014' ? timedOut(limitMs) : failed(errorMessage(error))
      } finally {
        clearTimeout(timer)
        discard(client)
      }
    },
  }
}

function openClient(
  { connection, schema }: PostgresqlConditionsSettings,
  limitMs: number,
): pg.Client {
  return new pg.Client({
    application_name: 'crossdock condition',
    connectionTimeoutMillis: CONNECTION_WAIT_MS,
    ...connection,
    options: [
      'timezone=UTC',
      'datestyle=ISO',
      'default_transaction_read_only=on',
      `search_path=${pg.escapeIdentifier(schema)}`,
      `statement_timeout=${limitMs + SERVER_SLACK_MS}`,
      `idle_in_transaction_session_timeout=${limitMs + SERVER_SLACK_MS}`,
      'jit=off',
    ]
      .map((setting) => `-c ${setting}`)
      .join(' '),
  })
}

/** The first value; the rest is not waited for. */
function firstValue(client: pg.Client, text: string): Promise<FirstValue> {
  return new Promise((resolve, reject) => {
    const { stream } = client.connection as unknown as { stream: NodeJS.ReadableStream }
    let bytes = 0
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > MAX_ANSWER_BYTES) {
        reject(new pg.DatabaseError('it gave more than a yes or a no: 1 MiB', 0, 'error'))
        discard(client)
      }
    })
    const config: pg.QueryArrayConfig & { readonly queryMode: 'extended' } = {
      text,
      rowMode: 'array',
      queryMode: 'extended',
    }
    const query = new pg.Query(config)
    let isNumber = false
    let seen = false
    query.on('row', (row: unknown, result) => {
      if (seen) return
      seen = true
      isNumber = NUMBERS.has(result?.fields[0]?.dataTypeID ?? 0)
      const value: unknown = Array.isArray(row) ? row[0] : undefined
      resolve({ kind: 'value', value, isNumber })
    })
    query.on('error', reject)
    query.on('end', () => {
      resolve({ kind: 'none' })
    })
    client.query(query)
  })
}

/** Breaks the connection: the server rolls back what was done in it. */
function discard(client: pg.Client): void {
  const { stream } = client.connection as unknown as { stream: { destroy(): void } }
  stream.destroy()
}

function failed(reason: string): ConditionResult {
  return { kind: 'failed', reason, timedOut: false }
}

function timedOut(limitMs: number): ConditionResult {
  return { kind: 'failed', reason: tookTooLong(limitMs), timedOut: true }
}
