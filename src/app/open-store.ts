import type { Configuration } from '../config/configuration.ts'
import type { Log } from '../ports/log.ts'
import type { Store } from '../ports/store.ts'
import type { RepairOutcome } from '../store/mysql/broken-triggers.ts'
import type { MysqlConnection } from '../store/mysql/connection-options.ts'
import type { PostgresqlConnection } from '../store/postgresql/connect.ts'
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
 * The store on a database, in its dialect, whose driver is loaded here alone: the other one would cost each start,
 * and each thread of leases, 20 to 60 ms of a processor. Connects at its first use.
 * @param handlerConnections for handlers' transactions
 */
export async function openStore(
  address: StoreAddress,
  handlerConnections: number,
  log: Log,
): Promise<Store> {
  const settings = {
    handlerConnections,
    onConnectionError: (error: Error): void => {
      log.debug({ err: error }, 'an idle connection to the database broke')
    },
  }
  if (address.dialect === 'mysql') {
    const { createMysqlStore } = await import('../store/mysql/index.ts')
    const onTriggerRepair = (outcome: RepairOutcome): void => {
      logTriggerRepair(log, outcome)
    }
    return createMysqlStore({ ...address, ...settings, onTriggerRepair })
  }
  const { createPostgresqlStore } = await import('../store/postgresql/index.ts')
  return createPostgresqlStore({ ...address, ...settings })
}

function logTriggerRepair(log: Log, outcome: RepairOutcome): void {
  if (outcome.kind === 'repaired') {
    log.warn({}, 'triggers that the server held for broken are read anew')
    return
  }
  const advice =
    outcome.kind === 'denied'
      ? 'run FLUSH TABLES, or grant this login RELOAD'
      : 'it is tried again; FLUSH TABLES by hand may help, or the triggers themselves are wrong'
  log.error({ err: outcome.error }, `the server holds triggers for broken: ${advice}`)
}
