import type { Configuration } from '../config/configuration.ts'
import { CrossdockError } from '../domain/errors.ts'
import type { Log } from '../ports/log.ts'
import type { MigrationReport } from '../store/migration-files.ts'
import { openDatabase, type OpenDatabase } from './open-database.ts'

/** Applies the pending migrations of the configured database, or says which they are. */
export async function migrateDatabase(
  configuration: Configuration,
  options: { readonly dryRun: boolean; readonly log: Log },
): Promise<MigrationReport> {
  const database = await openDatabase(configuration, options.log)
  try {
    return await migrateOpen(database, configuration, options.dryRun)
  } finally {
    await database.close()
  }
}

/** The same on a database that is open already. */
export async function migrateOpen(
  database: OpenDatabase,
  configuration: Configuration,
  dryRun: boolean,
): Promise<MigrationReport> {
  const { schema } = configuration.database
  if (database.dialect === 'mysql') {
    const { migrateMysql } = await import('../store/mysql/migrate.ts')
    return await migrateMysql({ connection: database.connection, schema, dryRun })
  }
  const { migratePostgresql } = await import('../store/postgresql/migrate.ts')
  const connection = database.directConnection ?? database.connection
  return await migratePostgresql({ connection, schema, dryRun })
}

/**
 * Applies the pending migrations, where `database.migrate` says so.
 * @throws CrossdockError `migration_pending` where some are missing and it says no
 */
export async function migrateAtStart(
  database: OpenDatabase,
  configuration: Configuration,
  log: Log,
): Promise<void> {
  const dryRun = !configuration.database.migrate
  const { applied, pending } = await migrateOpen(database, configuration, dryRun)
  if (applied.length > 0) log.info({ applied }, 'the tables were migrated')
  if (pending.length > 0) throw missing(pending, ', and database.migrate is false')
}

/**
 * Applies nothing.
 * @throws CrossdockError `migration_pending` where migrations are missing
 */
export async function refusePending(
  database: OpenDatabase,
  configuration: Configuration,
): Promise<void> {
  const { pending } = await migrateOpen(database, configuration, true)
  if (pending.length > 0) throw missing(pending, '')
}

function missing(pending: readonly string[], why: string): CrossdockError {
  return new CrossdockError(
    'migration_pending',
    `the database lacks the migrations ${pending.join(', ')}${why}. Run \`crossdock migrate\`.`,
  )
}
