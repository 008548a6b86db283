import type { Configuration } from '../config/configuration.ts'
import type { Log } from '../ports/log.ts'
import type { StatementResult } from '../store/statement-result.ts'
import { openDatabase, type OpenDatabase } from './open-database.ts'

/** Runs a person's SQL on the configured database; starts the embedded one for the time being. */
export async function runSql(
  configuration: Configuration,
  text: string,
  log: Log,
): Promise<{ readonly results: readonly StatementResult[] }> {
  const database = await openDatabase(configuration, log)
  try {
    return { results: await runOpen(database, configuration.database.schema, text) }
  } finally {
    await database.close()
  }
}

/** The same on a database that is open already. */
export async function runOpen(
  database: OpenDatabase,
  schema: string,
  text: string,
): Promise<readonly StatementResult[]> {
  if (database.dialect === 'mysql') {
    const { runScript } = await import('../store/mysql/run-script.ts')
    return await runScript(database.connection, schema, text)
  }
  const { runScript } = await import('../store/postgresql/run-script.ts')
  return await runScript(database.directConnection ?? database.connection, schema, text)
}
