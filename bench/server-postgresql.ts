import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres } from '../src/embedded-postgres/start.ts'
import { silentLog } from '../src/observe/log.ts'
import { migratePostgresql } from '../src/store/postgresql/migrate.ts'
import { openBareLoop } from './bare-loop-postgresql.ts'
import type { BenchServer } from './bench-database.ts'

/** The server at this address, or, without one, the embedded PostgreSQL in a folder of its own. */
export async function startPostgresqlBench(given: string | undefined): Promise<BenchServer> {
  const { url, stop } = given === undefined ? await embedded() : { url: given, stop: noStop }
  let databases = 0
  return {
    name: 'PostgreSQL',
    fresh: async () => {
      databases += 1
      const name = `bench_${process.pid}_${databases}`
      await execute(url, `CREATE DATABASE ${name}`)
      const own = url.replace(/^(\w+:\/\/[^/]*)\/[^?]*/, `$1/${name}`)
      await migratePostgresql({
        connection: { connectionString: own },
        schema: 'public',
        dryRun: false,
      })
      await execute(own, 'CREATE TABLE bench_effects (jobid text)')
      return own
    },
    openBareLoop,
    address: (own) => ({
      dialect: 'postgresql',
      connection: { connectionString: own },
      directConnection: undefined,
      schema: 'public',
      idleInTransactionMs: 15_000,
    }),
    stop,
  }
}

async function noStop(): Promise<void> {
  // It is somebody else's.
}

async function embedded(): Promise<{ url: string; stop: () => Promise<void> }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'crossdock-bench-'))
  const server = await startEmbeddedPostgres({ dataDir: folder, log: silentLog })
  const { host, port, user } = server.connection
  return {
    // The driver takes the host of the query; an address needs one.
    url: `postgresql://${user}@localhost/postgres?host=${encodeURIComponent(host)}&port=${port}`,
    stop: async () => {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function execute(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
