import type { Configuration } from '../config/configuration.ts'
import type { Log } from '../ports/log.ts'
import type { Store } from '../ports/store.ts'
import type { MysqlConnection } from '../store/mysql/connection-options.ts'
import { createMysqlStore } from '../store/mysql/index.ts'
import type { PostgresqlConnection } from '../store/postgresql/connect.ts'
import { createPostgresqlStore } from '../store/postgresql/index.ts'
import type { OpenDatabase } from './open-database.ts'

/** The way to a database, as plain data: it also travels to other threads. */
export type StoreAddress = { readonly idleInTransactionMs: number } & (
  | {
      readonly dialect: 'mysql'
      readonly schema: string | undefined
      readonly connection: MysqlConnection
    }
  | {
      readonly dialect: 'postgresql'
      readonly schema: string
      readonly connection: PostgresqlConnection
      readonly directConnection: PostgresqlConnection | undefined
    }
)

/** The way to an open database. */
export function storeAddress(
  database: OpenDatabase,
  { database: { schema }, jobs }: Configuration,
): StoreAddress {
  const common = { schema, idleInTransactionMs: Math.floor(jobs.leaseMs / 2) }
  const { dialect, connection } = database
  if (dialect === 'mysql') return { ...common, dialect, connection }
  return { ...common, dialect, connection, directConnection: database.directConnection }
}

/**
 * The store on a database, in its dialect. Connects at its first use.
 * @param handlerConnections for handlers' transactions
 */
export function openStore(address: StoreAddress, handlerConnections: number, log: Log): Store {
  const settings = {
    handlerConnections,
    onConnectionError: (error: Error): void => {
      log.debug({ err: error }, 'an idle connection to the database broke')
    },
  }
  if (address.dialect === 'mysql') return createMysqlStore({ ...address, ...settings })
  return createPostgresqlStore({ ...address, ...settings })
}
