import type { Configuration } from '../config/configuration.ts'
import type { Log } from '../ports/log.ts'
import type { Store } from '../ports/store.ts'
import { createMysqlStore } from '../store/mysql/index.ts'
import { createPostgresqlStore } from '../store/postgresql/index.ts'
import type { OpenDatabase } from './open-database.ts'

/** The store on an open database, in its dialect. Connects at its first use. */
export function openStore(
  database: OpenDatabase,
  { database: { schema, poolSize }, jobs }: Configuration,
  log: Log,
): Store {
  const settings = {
    schema,
    handlerConnections: poolSize,
    idleInTransactionMs: Math.floor(jobs.leaseMs / 2),
    onConnectionError: (error: Error): void => {
      log.debug({ err: error }, 'an idle connection to the database broke')
    },
  }
  if (database.dialect === 'mysql') {
    return createMysqlStore({ ...settings, connection: database.connection })
  }
  return createPostgresqlStore({
    ...settings,
    connection: database.connection,
    directConnection: database.directConnection,
  })
}
