import { fileURLToPath } from 'node:url'
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise'
import { CrossdockError } from '../../domain/errors.ts'
import {
  label,
  planMigrations,
  readMigrations,
  type AppliedMigration,
  type MigrationFile,
  type MigrationReport,
} from '../migration-files.ts'
import {
  databaseOf,
  options as connectionOptions,
  type MysqlConnection,
} from './connection-options.ts'
import { DONE_ALREADY, errnoOf, translateError } from './errors.ts'
import { sessionStatement } from './session.ts'
import { splitStatements } from './statements.ts'

/** What {@link migrateMysql} needs. */
export interface MigrateOptions {
  readonly connection: MysqlConnection
  /** The database of the tables; left out: that of the connection. Made where it is missing. */
  readonly schema?: string | undefined
  /** Say what is pending, change nothing. */
  readonly dryRun: boolean
  /** The folder of the files; default: those of this package. */
  readonly folder?: string
}

/** Another migration takes longer than this, in seconds, only when it stands still. */
const LOCK_SECONDS = 600

const OUR_TABLES = ['queue_jobs', 'job_histories', 'jobs', 'job_notifications']

/** A migration as the table has it: also how far one that broke off has come. */
interface StoredMigration extends Omit<AppliedMigration, 'breaking'> {
  readonly breaking: number
  /** How many statements are done; `null`: all. */
  readonly statements: number | null
}

/**
 * Applies the migrations that the database lacks. Two at once are safe: the second waits, and finds
 * nothing left to do. DDL cannot be rolled back: each statement is recorded when it is done, and a run
 * that broke off is taken up where it stopped; the statement it stopped at can be met half done.
 * @throws CrossdockError `migration_changed`, `migration_newer`, `migration_foreign_table`,
 *   `migration_failed`, `database_unavailable`, `database_locked`.
 */
export async function migrateMysql(options: MigrateOptions): Promise<MigrationReport> {
  const files = await readMigrations(options.folder ?? packageFolder())
  const schema = options.schema ?? databaseOf(options.connection)
  const connection = await open(options, schema).catch((error: unknown) => {
    throw translateError(error)
  })
  // A connection that breaks fails the statement under way; without a listener it would end the process.
  connection.on('error', () => undefined)
  try {
    await lock(connection, schema)
    const stored = await readStored(connection)
    if (stored.length === 0) await refuseForeignTables(connection, schema)
    const plan = planMigrations(files, stored.filter(isApplied).map(applied))
    if (options.dryRun) return { applied: [], pending: plan.pending.map(label) }
    for (const file of plan.pending) {
      const before = stored.find(({ number }) => number === file.number)
      await apply(connection, file, before)
    }
    for (const file of plan.adopted) {
      await connection.query('UPDATE crossdock_migrations SET checksum = ? WHERE number = ?', [
        file.checksum,
        file.number,
      ])
    }
    return { applied: plan.pending.map(label), pending: [] }
  } catch (error) {
    throw translateError(error)
  } finally {
    // The lock goes with the connection.
    await connection.end().catch(() => undefined)
  }
}

/** `migrations/mysql` beside `src`, or beside `dist`. */
function packageFolder(): string {
  const up = import.meta.url.endsWith('.ts') ? '../../..' : '../../../..'
  return fileURLToPath(new URL(`${up}/migrations/mysql`, import.meta.url))
}

async function open({ connection, dryRun }: MigrateOptions, schema: string): Promise<Connection> {
  const { uri, ...rest } = connectionOptions(connection, 'crossdock migrate')
  const opened = await mysql.createConnection({
    ...rest,
    // Without its database, which may not be there yet.
    ...(uri !== undefined && { uri: uri.replace(/^(\w+:\/\/[^/]*\/)[^/?]*/, '$1') }),
    database: '',
    connectTimeout: 10_000,
  })
  try {
    await opened.query(
      // A statement may take long, and locks of tables are waited for.
      sessionStatement({ autocommit: false, idleInTransactionMs: 3_600_000 }),
    )
    await opened.query('SET SESSION autocommit = 1, lock_wait_timeout = 60')
    const name = mysql.escapeId(schema, true)
    if (!dryRun) {
      await opened.query(`CREATE DATABASE IF NOT EXISTS ${name} DEFAULT CHARACTER SET utf8mb4`)
    }
    await opened.query(`USE ${name}`)
    return opened
  } catch (error) {
    opened.destroy()
    throw error
  }
}

async function lock(connection: Connection, schema: string): Promise<void> {
  // Names of locks are the server's, not the database's, and end at 64 characters.
  const [rows] = await connection.query<(RowDataPacket & { got: number | null })[]>(
    `SELECT GET_LOCK(CONCAT('crossdock:', LEFT(SHA2(?, 256), 40)), ?) AS got`,
    [schema, LOCK_SECONDS],
  )
  if (Number(rows[0]?.got) === 1) return
  throw new CrossdockError(
    'database_locked',
    `another process has been migrating for ${LOCK_SECONDS} seconds: look for it, or end its connection`,
    { retryable: true },
  )
}

function isApplied({ statements }: StoredMigration): boolean {
  return statements === null
}

function applied({ number, name, checksum, breaking }: StoredMigration): AppliedMigration {
  return { number, name, checksum, breaking: breaking === 1 }
}

async function readStored(connection: Connection): Promise<readonly StoredMigration[]> {
  if ((await existingTable(connection, ['crossdock_migrations'])) === undefined) return []
  const [rows] = await connection.query<(RowDataPacket & StoredMigration)[]>(
    'SELECT number, name, checksum, breaking, statements FROM crossdock_migrations ORDER BY number',
  )
  return rows
}

/** Runs what a file lacks. The first statement of the first file makes the table that remembers it. */
async function apply(
  connection: Connection,
  file: MigrationFile,
  before: StoredMigration | undefined,
): Promise<void> {
  const statements = splitStatements(file.sql)
  // Taken up only where the file is the one that broke off; every statement can be met again.
  const done = before?.checksum === file.checksum ? (before.statements ?? 0) : 0
  for (const [index, statement] of statements.entries()) {
    if (index < done) continue
    try {
      await connection.query(statement).catch((error: unknown) => {
        // Its connection broke before it was noted down as done.
        if (!DONE_ALREADY.has(errnoOf(error))) throw error
      })
      const finished = index === statements.length - 1
      await connection.query(
        `INSERT INTO crossdock_migrations (number, name, checksum, breaking, statements)
         VALUES (?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE checksum = ?, statements = ?`,
        [
          ...[file.number, file.name, file.checksum, true, finished ? null : index + 1],
          ...[file.checksum, finished ? null : index + 1],
        ],
      )
    } catch (error) {
      const translated = translateError(error)
      if (translated.code === 'database_unavailable') throw translated
      throw new CrossdockError(
        'migration_failed',
        `the migration ${label(file)} failed at its statement ${index + 1} of ${statements.length}; those` +
          ` before it stand, and the next run goes on with it: ${translated.message}`,
        { cause: error },
      )
    }
  }
}

async function refuseForeignTables(connection: Connection, schema: string): Promise<void> {
  const found = await existingTable(connection, OUR_TABLES)
  if (found === undefined) return
  throw new CrossdockError(
    'migration_foreign_table',
    `the database '${schema}' has a table '${found}' that Crossdock did not make. Set database.schema to` +
      ' a database of its own, and Crossdock makes its tables there.',
  )
}

async function existingTable(
  connection: Connection,
  names: readonly string[],
): Promise<string | undefined> {
  const [rows] = await connection.query<(RowDataPacket & { name: string })[]>(
    `SELECT table_name AS name FROM information_schema.tables
     WHERE table_schema = DATABASE() AND table_name IN (?) ORDER BY table_name LIMIT 1`,
    [names],
  )
  return rows[0]?.name
}
