import type { Configuration, DatabaseConfiguration } from '../config/configuration.ts'
import { CrossdockError } from '../domain/errors.ts'
import { startEmbeddedPostgres } from '../embedded-postgres/start.ts'
import type { Log } from '../ports/log.ts'
import type { PostgresqlConnection } from '../store/postgresql/connect.ts'

/** A database that can be connected to. */
export interface OpenDatabase {
  readonly connection: PostgresqlConnection
  /** Where session settings survive, when `connection` leads to a pooler. */
  readonly directConnection: PostgresqlConnection | undefined
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
  return {
    connection: fromUrl(database.url, database),
    directConnection:
      database.directUrl === undefined ? undefined : fromUrl(database.directUrl, database),
    onExit: () => undefined,
    close: () => Promise.resolve(),
  }
}

async function openEmbedded(database: DatabaseConfiguration, log: Log): Promise<OpenDatabase> {
  const server = await startEmbeddedPostgres({
    dataDir: database.dataDir,
    ...(database.port !== undefined && { port: database.port }),
    log,
  })
  return {
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
