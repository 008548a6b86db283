import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Configuration } from '../../config/configuration.ts'
import { silentLog } from '../../observe/log.ts'
import type { Store } from '../../ports/store.ts'
import { runScript as runMysql } from '../../store/mysql/run-script.ts'
import { runScript as runPostgresql } from '../../store/postgresql/run-script.ts'
import { migrateAtStart } from '../migrate-database.ts'
import { openDatabase, type OpenDatabase } from '../open-database.ts'
import { openStore, storeAddress } from '../open-store.ts'
import { configurationOf } from '../start-options.ts'

/** Which database tests run on. */
export interface TestDatabaseOptions {
  /** Of a PostgreSQL, MySQL or MariaDB server, as `database.url`; left out: an embedded PostgreSQL of its own. */
  readonly url?: string
  /** Where Crossdock's tables are, as `database.schema`. */
  readonly schema?: string
  /** Makes Crossdock's tables where they are missing; default: only in an embedded one. */
  readonly migrate?: boolean
}

/** A database that tests of handlers run on. */
export interface TestDatabase {
  /** Runs one statement or several, commits them, and returns the rows of the last one. */
  sql(text: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  /** Ends its connections; an embedded one is stopped and removed. */
  close(): Promise<void>
}

/** The stores of open test databases: they are none of a user's business. */
const stores = new WeakMap<TestDatabase, Store>()

/**
 * Opens a database for tests; without a `url` it starts an embedded PostgreSQL in a temporary folder, which
 * takes a few seconds. Once for a file of tests: `before` and `after`.
 * @throws CrossdockError `config_invalid`, `embedded_unavailable`, `database_unavailable`
 */
export async function openTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { url, schema, migrate = url === undefined } = options
  const folder = url === undefined ? await temporaryFolder() : undefined
  const removeFolder = async (): Promise<void> => {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true, maxRetries: 20 })
  }
  try {
    const address = folder === undefined ? { url } : { type: 'embedded', data_dir: folder }
    const configuration = await configurationOf({
      config: { database: { ...address, ...(schema !== undefined && { schema }), migrate } },
      env: {},
    })
    const database = await openDatabase(configuration, silentLog)
    if (migrate) await migrateAtStart(database, configuration, silentLog)
    const store = await openStore(storeAddress(database, configuration), 5, silentLog)
    const opened: TestDatabase = {
      sql: (text) => runOn(database, configuration, text),
      close: async () => {
        await store.close()
        await database.close()
        await removeFolder()
      },
    }
    stores.set(opened, store)
    await store.ping()
    return opened
  } catch (error) {
    await removeFolder()
    throw error
  }
}

/** The store of an open test database. */
export function storeOf(database: TestDatabase): Store | undefined {
  return stores.get(database)
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'crossdock-testing-'))
  // Root's server runs as another user, who must be able to enter.
  await chmod(folder, 0o755)
  return folder
}

async function runOn(
  database: OpenDatabase,
  { database: { schema } }: Configuration,
  text: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const results =
    database.dialect === 'mysql'
      ? await runMysql(database.connection, schema, text)
      : await runPostgresql(database.connection, schema, text)
  const { columns = [], rows = [] } = results.at(-1) ?? {}
  return rows.map((row) => Object.fromEntries(columns.map((name, index) => [name, row[index]])))
}
