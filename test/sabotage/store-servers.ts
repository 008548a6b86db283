import { startMariadb } from '../services/mariadb.ts'
import { startPostgresql } from '../services/postgresql.ts'
import { ServiceUnavailable } from '../services/require.ts'

/** Servers for all tests of stores: to start one for each would cost more than the tests. */
export interface StoreServers {
  /** The variables that name them; one that cannot be had is left out. */
  readonly environment: Readonly<Record<string, string>>
  stop(): Promise<void>
}

interface Server {
  readonly url: string
  stop(): Promise<void>
}

/** Starts a PostgreSQL and a MariaDB. */
export async function storeServers(): Promise<StoreServers> {
  const started = [
    { name: 'CROSSDOCK_TEST_POSTGRESQL_URL', server: await startOrNot(startPostgresql) },
    { name: 'CROSSDOCK_TEST_MARIADB_URL', server: await startOrNot(startMariadb) },
  ]
  return {
    environment: Object.fromEntries(
      started.flatMap(({ name, server }) => (server === undefined ? [] : [[name, server.url]])),
    ),
    stop: async () => {
      for (const { server } of started) await server?.stop()
    },
  }
}

async function startOrNot(start: () => Promise<Server>): Promise<Server | undefined> {
  try {
    return await start()
  } catch (error) {
    if (error instanceof ServiceUnavailable) return undefined
    throw error
  }
}
