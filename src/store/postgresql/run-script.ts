import pg from 'pg'
import type { StatementResult } from '../statement-result.ts'
import type { PostgresqlConnection } from './connect.ts'
import { translateError } from './errors.ts'

/**
 * Runs a text of one statement or several, as a person gave it, on a connection of its own. Rows that it
 * inserts are announced like every other program's.
 */
export async function runScript(
  connection: PostgresqlConnection,
  schema: string,
  text: string,
): Promise<readonly StatementResult[]> {
  const client = new pg.Client({
    ...connection,
    application_name: 'crossdock sql',
    connectionTimeoutMillis: 10_000,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query(
      `SELECT set_config('search_path', $1, false), set_config('TimeZone', 'UTC', false)`,
      [`${pg.escapeIdentifier(schema)}, public`],
    )
    const answer = (await client.query({ text, rowMode: 'array' })) as unknown
    return (Array.isArray(answer) ? answer : [answer]).map((each: pg.QueryArrayResult) => ({
      command: each.command,
      rowCount: each.rowCount,
      columns: each.fields.map((field) => field.name),
      rows: each.rows,
    }))
  } catch (error) {
    throw translateError(error)
  } finally {
    await client.end().catch(() => undefined)
  }
}
