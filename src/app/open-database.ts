import type { Configuration, DatabaseConfiguration } from '../config/configuration.ts'
import { CrossdockError } from '../domain/errors.ts'
import type { Log } from '../ports/log.ts'
import type { MysqlConnection } from '../store/mysql/connection-options.ts'
import type { PostgresqlConnection } from '../store/postgresql/connect.ts'

/** A database that can be connected to, in its dialect. */
export type OpenDatabase = Life & (PostgresqlDatabase | MysqlDatabase)

interface PostgresqlDatabase {
  readonly dialect: 'postgresql'
  readonly connection: PostgresqlConnection
  /** Where session settings survive, when `connection` leads to a pooler. */
  readonly directConnection: PostgresqlConnection | undefined
}

interface MysqlDatabase {
  readonly dialect: 'mysql'
  readonly connection: MysqlConnection
}

interface Life {
  /** Told when the embedded server ends by itself. */
  onExit(listener: (reason: string) => void): void
  /** Ends this use of the embedded server; a server of somebody else's stays as it is. */
  close(): Promise<void>
}

/** Starts the embedded database, or points to the configured one. Connects nothing yet. */
export async function openDatabase(configuration: Configuration, log: Log): Promise<OpenDatabase> {
  const { database } = configuration
  if (database.type === 'embedded') return await openEmbedded(database, log)
  if (database.url === undefined) {
    throw new CrossdockError(
      'config_invalid',
      'database.url is missing: give the address of the server',
    )
  }
  const foreign: Life = { onExit: () => undefined, close: () => Promise.resolve() }
  const address = databaseAddress(database.url, database)
  if (address.dialect === 'mysql') return { ...foreign, ...address }
  return {
    ...foreign,
    ...address,
    directConnection:
      database.directUrl === undefined ? undefined : fromUrl(database.directUrl, database),
  }
}

/** How a further login is reached on the configured server, with its encryption. */
export function databaseAddress(
  url: string,
  database: DatabaseConfiguration,
):
  | Pick<PostgresqlDatabase, 'dialect' | 'connection'>
  | Pick<MysqlDatabase, 'dialect' | 'connection'> {
  return database.type === 'mysql'
    ? { dialect: 'mysql', connection: mysqlFromUrl(url, database) }
    : { dialect: 'postgresql', connection: fromUrl(url, database) }
}

async function openEmbedded(database: DatabaseConfiguration, log: Log): Promise<OpenDatabase> {
  const { startEmbeddedPostgres } = await import('../embedded-postgres/start.ts')
  const server = await startEmbeddedPostgres({
    dataDir: database.dataDir,
    ...(database.port !== undefined && { port: database.port }),
    log,
  })
  return {
    dialect: 'postgresql',
    connection: server.connection,
    directConnection: undefined,
    onExit: (listener) => {
      server.onExit((exit) => {
        listener(exit.message ?? 'the embedded PostgreSQL has ended')
      })
    },
    close: () => server.stop(),
  }
}

function fromUrl(url: string, { tls }: DatabaseConfiguration): PostgresqlConnection {
  if (tls === false) return { connectionString: url }
  return { connectionString: url, ssl: tls === true ? true : defined(tls) }
}

function mysqlFromUrl(uri: string, { tls }: DatabaseConfiguration): MysqlConnection {
  if (tls === false) return { uri }
  const settings = tls === true ? { rejectUnauthorized: true } : defined(tls)
  // The driver checks the name in the certificate only where it is told to.
  return { uri, ssl: { ...settings, verifyIdentity: settings.rejectUnauthorized === true } }
}

/** Without the keys that are `undefined`. */
function defined(
  tls: Exclude<DatabaseConfiguration['tls'], boolean>,
): Exclude<PostgresqlConnection['ssl'], boolean | undefined> {
  return {
    rejectUnauthorized: tls.rejectUnauthorized,
    ...(tls.ca !== undefined && { ca: tls.ca }),
    ...(tls.cert !== undefined && { cert: tls.cert }),
    ...(tls.key !== undefined && { key: tls.key }),
  }
}
