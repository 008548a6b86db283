import pg from 'pg'
import { createPostgresqlStore } from '../../../src/store/postgresql/index.ts'
import { migratePostgresql } from '../../../src/store/postgresql/migrate.ts'
import { createDatabase, type TestDatabase } from '../../services/database.ts'
import type { PostgresqlService } from '../../services/postgresql-service.ts'
import type { Row, Target, TargetDatabase, TargetServer } from './target.ts'

/** How the tests' own connections are called: all others belong to a store. */
const OWN = 'conformance'

/** A target on PostgreSQL, however its server is started. */
export function postgresqlTarget(name: string, start: () => Promise<PostgresqlService>): Target {
  let started: Promise<TargetServer> | undefined
  return {
    name,
    start: () =>
      (started ??= start().then(async (service) => {
        const server = await migratedServer(service)
        // Whoever comes after the end gets one anew: several files may run in one process.
        const stop = (): Promise<void> => {
          started = undefined
          return server.stop()
        }
        return { ...server, stop }
      })),
  }
}

async function migratedServer(service: PostgresqlService): Promise<TargetServer> {
  const template = await createDatabase(service)
  await migratePostgresql({
    connection: { connectionString: template.url },
    schema: 'public',
    dryRun: false,
  })
  return {
    controllable: service.controllable,
    announces: true,
    errorsEndTransactions: true,
    openDatabase: async () => {
      const database = await createDatabase(service, { template: template.name })
      const opened = targetDatabase(database)
      // A wait for a lock is to be found to be a deadlock before it runs out.
      await opened.sql(`ALTER DATABASE ${database.name} SET deadlock_timeout = '180ms'`)
      return opened
    },
    kill: () => service.kill(),
    restart: () => service.restart(),
    stop: async () => {
      await template.drop()
      await service.stop()
    },
  }
}

function targetDatabase(database: TestDatabase): TargetDatabase {
  const connection = { connectionString: database.url, application_name: OWN }
  const pool = new pg.Pool({ ...connection, max: 4 })
  pool.on('error', () => undefined)

  async function inSession(zone: string, text: string, values: readonly unknown[]): Promise<Row[]> {
    const client = new pg.Client({ ...connection, options: `-c timezone=${zone}` })
    await client.connect()
    try {
      return (await client.query<Row>(numbered(text), [...values])).rows
    } finally {
      await client.end()
    }
  }

  async function sql(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    return (await pool.query<Row>(numbered(text), [...values])).rows
  }

  return {
    url: database.url,
    openStore: (options = {}) =>
      createPostgresqlStore({
        connection: { connectionString: database.url },
        schema: 'public',
        handlerConnections: options.handlerConnections ?? 4,
        idleInTransactionMs: options.idleInTransactionMs ?? 15_000,
        onConnectionError: () => undefined,
      }),
    sql,
    sqlInZone: (zone, text, values = []) => inSession(zone, text, values),
    sqlAsGiver: async (text) => {
      const client = new pg.Client({ ...connection, options: '-c crossdock.quiet=on' })
      await client.connect()
      try {
        await client.query(text)
      } finally {
        await client.end()
      }
    },
    lockRow: async (id, table = 'queue_jobs') => {
      const client = await pool.connect()
      await client.query('BEGIN')
      await client.query(`SELECT 1 FROM ${table} WHERE id = $1 FOR UPDATE`, [id])
      return {
        release: async () => {
          await client.query('ROLLBACK')
          client.release()
        },
      }
    },
    openTransaction: async () => {
      const client = await pool.connect()
      await client.query('BEGIN')
      return {
        sql: async (text, values = []) => {
          await client.query(numbered(text), [...values])
        },
        commit: async () => {
          await client.query('COMMIT')
          client.release()
        },
      }
    },
    standInTheWay: async ({ takes, wants }) => {
      const client = await pool.connect()
      // Who finds a deadlock is broken off, and the other side looks for one much sooner.
      await client.query(`BEGIN; SET LOCAL deadlock_timeout = '60s'; ${takes}`)
      const over = client.query(`DO $$ BEGIN
          WHILE NOT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted) LOOP PERFORM pg_sleep(0.001); END LOOP;
        END $$; ${wants}; ROLLBACK`)
      return {
        over: over.then(() => {
          client.release()
        }),
      }
    },
    breakConnections: async () => {
      await sql(`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name <> '${OWN}'`)
    },
    sleep: (seconds) => `SELECT pg_sleep(${seconds})`,
    busyConnections: async () => {
      const rows = await sql(`SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
        AND application_name <> '${OWN}' AND state = 'active'`)
      return rows.length
    },
    refusedAtCommit: async () => {
      await sql(`CREATE TABLE IF NOT EXISTS deferred
        (id integer CONSTRAINT deferred_once UNIQUE DEFERRABLE INITIALLY DEFERRED)`)
      return 'INSERT INTO deferred VALUES (1), (1)'
    },
    breakingAtCommit: async () => {
      await sql('CREATE TABLE breaking (id integer)')
      await sql(`CREATE FUNCTION break_connection() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN NULL; END $$`)
      await sql(`CREATE CONSTRAINT TRIGGER break_connection AFTER INSERT ON breaking
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION break_connection()`)
      return 'INSERT INTO breaking VALUES (1)'
    },
    drop: async () => {
      await pool.end()
      await database.drop()
    },
  }
}

/** `?` in the form of PostgreSQL. */
function numbered(text: string): string {
  let count = 0
  return text.replaceAll('?', () => `$${(count += 1)}`)
}
