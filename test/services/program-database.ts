import mysql, { type RowDataPacket } from 'mysql2/promise'
import pg from 'pg'
import { createDatabase } from './database.ts'
import { createMariadbDatabase, startMariadb } from './mariadb.ts'
import { startPostgresql } from './postgresql.ts'
import { startOrSkip } from './require.ts'

const IS_LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'

/** A row as a plain SELECT gives it, by column. */
export type ProgramRow = Readonly<Record<string, unknown>>

/** A server that writes through to its disk, with an empty database for the program on it. */
export interface ProgramDatabase {
  /** For `database.url`. */
  readonly url: string
  /** Whether the server is ours to stop and to kill. */
  readonly controllable: boolean
  /** One statement of another program, without values. */
  sql(text: string): Promise<readonly ProgramRow[]>
  /** Ends every session of the program, whatever runs in it. Returns how many. */
  terminateConnections(): Promise<number>
  /** Ends the server with SIGKILL. */
  kill(): Promise<void>
  /** Starts the server on the same data and under the same url. */
  restart(): Promise<void>
  /** Ends our connections and the server. */
  stop(): Promise<void>
}

/** The dialects that a test of the whole program runs on; `undefined` where the server cannot be had. */
export const PROGRAM_DATABASES = {
  PostgreSQL: openPostgresql,
  MariaDB: openMariadb,
} satisfies Record<string, () => Promise<ProgramDatabase | undefined>>

/**
 * Those of {@link PROGRAM_DATABASES} that a test of kills runs on, by name: both of them in the long form, and one in the
 * short form. What each database promises under kills `chaos/instances` shows on both at any time.
 */
export function killedDatabases(
  inShort: keyof typeof PROGRAM_DATABASES,
): readonly [keyof typeof PROGRAM_DATABASES, () => Promise<ProgramDatabase | undefined>][] {
  const names = IS_LONG ? (['PostgreSQL', 'MariaDB'] as const) : [inShort]
  return names.map((name) => [name, PROGRAM_DATABASES[name]])
}

async function openPostgresql(): Promise<ProgramDatabase | undefined> {
  const service = await startOrSkip('postgresql', () =>
    startPostgresql({ settings: { fsync: 'on', full_page_writes: 'on' } }),
  )
  if (service === undefined) return undefined
  const { url } = await createDatabase(service)
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  pool.on('error', () => undefined)
  const sql = async (text: string): Promise<readonly ProgramRow[]> =>
    (await pool.query<Record<string, unknown>>(text)).rows
  return {
    url,
    controllable: service.controllable,
    sql,
    terminateConnections: async () => {
      const ended = await sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE 'crossdock%'`)
      return ended.length
    },
    kill: () => service.kill(),
    restart: () => service.restart(),
    stop: async () => {
      await pool.end()
      await service.stop()
    },
  }
}

async function openMariadb(): Promise<ProgramDatabase | undefined> {
  const service = await startOrSkip('mariadb', () =>
    startMariadb({
      settings: {
        innodb_flush_log_at_trx_commit: '1',
        innodb_flush_method: 'fsync',
        innodb_doublewrite: '1',
      },
    }),
  )
  if (service === undefined) return undefined
  const url = await createMariadbDatabase(service)
  // One, so that every other session on this database is the program's.
  const pool = mysql.createPool({ uri: url, timezone: 'Z', connectionLimit: 1 })
  pool.pool.on('connection', (connection) => connection.on('error', () => undefined))
  const sql = async (text: string): Promise<readonly ProgramRow[]> => {
    const [rows] = await pool.query<RowDataPacket[]>(text)
    return Array.isArray(rows) ? rows : []
  }
  return {
    url,
    controllable: service.controllable,
    sql,
    terminateConnections: async () => {
      const sessions = await sql(`SELECT id AS session FROM information_schema.processlist
        WHERE db = DATABASE() AND id <> CONNECTION_ID()`)
      for (const { session } of sessions) {
        // It may have ended by itself meanwhile.
        await sql(`KILL CONNECTION ${Number(session)}`).catch(() => undefined)
      }
      return sessions.length
    },
    kill: () => service.kill(),
    restart: () => service.restart(),
    stop: async () => {
      await pool.end()
      await service.stop()
    },
  }
}
