import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { CrossdockError } from '../../domain/errors.ts'
import {
  label,
  planMigrations,
  readMigrations,
  type AppliedMigration,
  type MigrationReport,
} from '../migration-files.ts'
import type { PostgresqlConnection } from './connect.ts'
import { translateError } from './errors.ts'

/** What {@link migratePostgresql} needs. */
export interface MigrateOptions {
  /** A direct connection: session locks do not survive a PgBouncer. */
  readonly connection: PostgresqlConnection
  readonly schema: string
  /** Say what is pending, change nothing. */
  readonly dryRun: boolean
  /** The folder of the files; default: those of this package. */
  readonly folder?: string
}

/** Chance, once; the same in every version, so that two versions never migrate at once. */
const LOCK = 7_224_061_953_011

const OUR_TABLES = ['queue_jobs', 'job_histories', 'jobs', 'job_notifications']

/**
 * Applies the migrations that the database lacks. Two at once are safe: the second waits, and finds
 * nothing left to do.
 * @throws CrossdockError `migration_changed`, `migration_newer`, `migration_foreign_table`,
 *   `migration_failed`, `database_unavailable`.
 */
export async function migratePostgresql(options: MigrateOptions): Promise<MigrationReport> {
  const files = await readMigrations(options.folder ?? packageFolder())
  const client = new pg.Client({
    ...options.connection,
    application_name: 'crossdock migrate',
    connectionTimeoutMillis: 10_000,
  })
  // A connection that breaks fails the query under way; without a listener it would end the process.
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('SELECT pg_advisory_lock($1)', [LOCK])
    await enterSchema(client, options)
    const applied = await readApplied(client, options.schema)
    if (applied.length === 0) await refuseForeignTables(client, options.schema)
    const plan = planMigrations(files, applied)
    if (options.dryRun) return { applied: [], pending: plan.pending.map(label) }
    for (const file of plan.pending) {
      try {
        await client.query(file.sql)
      } catch (error) {
        await client.query('ROLLBACK').catch(() => undefined)
        throw new CrossdockError(
          'migration_failed',
          `the migration ${label(file)} failed, and nothing of it was applied: ${translateError(error).message}`,
          { cause: error },
        )
      }
    }
    for (const file of [...plan.pending, ...plan.adopted]) {
      await client.query('UPDATE crossdock_migrations SET checksum = $2 WHERE number = $1', [
        file.number,
        file.checksum,
      ])
    }
    return { applied: plan.pending.map(label), pending: [] }
  } catch (error) {
    throw translateError(error)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** `migrations/postgresql` beside `src`, or beside `dist`. */
function packageFolder(): string {
  const up = import.meta.url.endsWith('.ts') ? '../../..' : '../../../..'
  return fileURLToPath(new URL(`${up}/migrations/postgresql`, import.meta.url))
}

async function enterSchema(client: pg.Client, { schema, dryRun }: MigrateOptions): Promise<void> {
  const { rowCount } = await client.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema])
  if (rowCount === 0 && !dryRun) {
    await client.query(`CREATE SCHEMA ${pg.escapeIdentifier(schema)}`)
  }
  await client.query(`SELECT set_config('search_path', $1, false)`, [pg.escapeIdentifier(schema)])
}

async function readApplied(
  client: pg.Client,
  schema: string,
): Promise<readonly AppliedMigration[]> {
  if (!(await tableExists(client, schema, ['crossdock_migrations']))) return []
  const { rows } = await client.query<AppliedMigration>(
    'SELECT number, name, checksum, breaking FROM crossdock_migrations ORDER BY number',
  )
  return rows
}

async function refuseForeignTables(client: pg.Client, schema: string): Promise<void> {
  const found = await tableExists(client, schema, OUR_TABLES)
  if (!found) return
  throw new CrossdockError(
    'migration_foreign_table',
    `the schema '${schema}' has a table '${found}' that Crossdock did not make. Set database.schema to` +
      ' a schema of its own, and Crossdock makes its tables there.',
  )
}

async function tableExists(
  client: pg.Client,
  schema: string,
  names: readonly string[],
): Promise<string | false> {
  const { rows } = await client.query<{ relname: string }>(
    `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = ANY ($2::text[]) ORDER BY c.relname LIMIT 1`,
    [schema, names],
  )
  return rows[0]?.relname ?? false
}
