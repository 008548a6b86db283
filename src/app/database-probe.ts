import type { Configuration } from '../config/configuration.ts'
import { CrossdockError, errorMessage } from '../domain/errors.ts'
import type { Log } from '../ports/log.ts'
import type { Probe } from '../ports/probe.ts'
import { migrateOpen } from './migrate-database.ts'
import { openDatabase, type OpenDatabase } from './open-database.ts'
import { openStore, storeAddress } from './open-store.ts'
import { runOpen } from './run-sql.ts'

/** What an instance does with each table, as statements that touch no row: the rights are asked for all the same. */
const USES: Readonly<Record<string, readonly string[]>> = {
  queue_jobs: uses('queue_jobs', 'id, handler', "'', ''"),
  job_histories: uses(
    'job_histories',
    'jobid, leaseepoch, statusid, startedat',
    "'', 0, 0, createdon",
  ),
  jobs: uses('jobs', 'id, name, handler', "'', '', ''"),
}

function uses(table: string, columns: string, values: string): readonly string[] {
  return [
    `SELECT 1 FROM ${table} WHERE 1 = 0`,
    `INSERT INTO ${table} (${columns}) SELECT ${values} FROM ${table} WHERE 1 = 0`,
    `UPDATE ${table} SET active = active WHERE 1 = 0`,
    `DELETE FROM ${table} WHERE 1 = 0`,
  ]
}

/**
 * Tries the database: an answer in time, its version, the migrations that it lacks, and the rights of the
 * login. Starts the embedded one for the time being.
 */
export function databaseProbe(configuration: Configuration, log: Log): Probe {
  return {
    name: 'database',
    advice:
      'Check database.url, its login and its rights, and that the server runs and takes connections from here.',
    run: async () => {
      const database = await openDatabase(configuration, log)
      try {
        const { pending } = await migrateOpen(database, configuration, true)
        const version = await versionOf(database, configuration, log).catch((error: unknown) => {
          // A MySQL without the database, which the first migration makes.
          if (pending.length === 0 || database.dialect !== 'mysql') throw error
          return 'MySQL or MariaDB'
        })
        const missing =
          pending.length > 0
            ? await missingToMigrate(database, configuration)
            : await missingToWork(database, configuration)
        if (missing.length > 0) {
          throw new CrossdockError(
            'database_unavailable',
            `the login lacks rights: ${missing.join('; ')}`,
          )
        }
        return {
          facts: version,
          notes: pending.length === 0 ? [] : [pendingNote(pending, configuration)],
        }
      } finally {
        await database.close()
      }
    },
  }
}

function pendingNote(pending: readonly string[], { database }: Configuration): string {
  const who = database.migrate ? 'start applies them' : 'run crossdock migrate'
  return `pending migrations: ${pending.join(', ')} (${who})`
}

async function versionOf(
  database: OpenDatabase,
  configuration: Configuration,
  log: Log,
): Promise<string> {
  const store = await openStore(storeAddress(database, configuration), 1, log)
  try {
    return (await store.ping()).version
  } finally {
    await store.close()
  }
}

/** The statements that are refused, with the server's word for it. */
async function missingToWork(
  database: OpenDatabase,
  { database: { schema } }: Configuration,
): Promise<readonly string[]> {
  const missing: string[] = []
  for (const [table, statements] of Object.entries(USES)) {
    for (const statement of statements) {
      const verb = statement.slice(0, statement.indexOf(' '))
      await runOpen(database, schema, statement).catch((error: unknown) => {
        missing.push(`${verb} on ${table} (${errorMessage(error)})`)
      })
    }
  }
  return missing
}

/** MySQL tells of no right that came with a role: what is missing shows when `migrate` runs. */
async function missingToMigrate(
  database: OpenDatabase,
  { database: { schema } }: Configuration,
): Promise<readonly string[]> {
  if (database.dialect === 'mysql') return []
  const name = `'${schema.replaceAll("'", "''")}'`
  const [answer] = await runOpen(
    database,
    schema,
    `SELECT CASE WHEN to_regnamespace(quote_ident(${name})) IS NULL
       THEN has_database_privilege(current_database(), 'CREATE')
       ELSE has_schema_privilege(${name}, 'CREATE') END`,
  )
  return answer?.rows[0]?.[0] === true
    ? []
    : [`CREATE in the schema ${schema}, which migrations need`]
}
