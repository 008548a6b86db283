import type { Configuration } from '../config/configuration.ts'
import type { Log } from '../ports/log.ts'
import { runScript, type StatementResult } from '../store/postgresql/run-script.ts'
import { openDatabase } from './open-database.ts'

/** Runs a person's SQL on the configured database; starts the embedded one for the time being. */
export async function runSql(
  configuration: Configuration,
  text: string,
  log: Log,
): Promise<{ readonly results: readonly StatementResult[] }> {
  const database = await openDatabase(configuration, log)
  try {
    const connection = database.directConnection ?? database.connection
    return { results: await runScript(connection, configuration.database.schema, text) }
  } finally {
    await database.close()
  }
}
