import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { createContentionGuard, type ContentionGuard } from '../contention.ts'
import {
  ANSWER_LIMIT_MS,
  CONNECTION_WAIT_MS,
  HANDLER_WAIT_MS,
  STATEMENT_LIMIT_MS,
} from '../limits.ts'
import { contentionOf, translateError } from './errors.ts'

/** How to reach a PostgreSQL server: what `pg` takes, narrowed to what we use. */
export interface PostgresqlConnection {
  readonly connectionString?: string
  readonly host?: string
  readonly port?: number
  readonly user?: string
  readonly password?: string
  readonly database?: string
  readonly ssl?:
    | boolean
    | {
        readonly ca?: string
        readonly cert?: string
        readonly key?: string
        readonly rejectUnauthorized?: boolean
      }
}

/** What {@link connectPostgresql} needs. */
export interface PostgresqlSettings {
  readonly connection: PostgresqlConnection
  /** Where session settings survive, when `connection` leads to a PgBouncer; default `connection`. */
  readonly directConnection?: PostgresqlConnection | undefined
  readonly schema: string
  /** Connections for handlers' transactions. */
  readonly handlerConnections: number
  /** Below the lease: a process that stands still must not keep row locks beyond it. In milliseconds. */
  readonly idleInTransactionMs: number
  /** Told of connections that broke while idle. */
  readonly onConnectionError: (error: Error) => void
}

/** A statement of ours. On a handler's connection it is prepared once, under its name. */
export interface Statement {
  readonly name: string
  readonly text: string
}

/** Anything that runs statements: a pool, or one connection inside a transaction. */
export interface Runner {
  query<Row extends pg.QueryResultRow>(statement: {
    name?: string
    text: string
    values: unknown[]
  }): Promise<pg.QueryResult<Row>>
}

/** The connections of one store. */
export interface Database {
  /** For our own statements, never for a handler's: claims, leases and ingest never wait for a handler. */
  readonly service: pg.Pool
  readonly handlers: pg.Pool
  readonly schema: string
  /** Names of our tables and functions, with the schema. */
  readonly names: Names
  readonly idleInTransactionMs: number
  /** Tells this store's announcements from those of others. */
  readonly token: string
  /** What repeats our statements, for a transaction of several, and counts. */
  readonly contention: ContentionGuard
  /** A connection of its own, outside the pools. */
  openClient(): pg.Client
  /**
   * Runs one of our statements; errors are translated. Without a runner it commits by itself, and is made
   * again when the server breaks it off for a deadlock or a serialization failure.
   */
  run<Row extends pg.QueryResultRow>(
    statement: Statement,
    values: unknown[],
    runner?: Runner,
  ): Promise<pg.QueryResult<Row>>
}

/** Qualified, quoted names. */
export interface Names {
  readonly queueJobs: string
  readonly jobHistories: string
  readonly instances: string
  readonly pauses: string
  readonly clientSlots: string
  readonly clientPackets: string
  readonly jobs: string
  readonly mustHold: string
}

const SERVICE_CONNECTIONS = 6

/**
 * Whatever the server's or the login's default is: under a stricter one every completion that waited for
 * a renewal of its own lease would fail. The space is escaped as startup options want it.
 */
const READ_COMMITTED = String.raw`default_transaction_isolation=read\ committed`

/**
 * The planner must be held to the index at every table size: a plan made while the table was small stays
 * cached, and a drain fell from 20,000 to 1,000 jobs a second when the plan walked the whole table
 * and looked each row up in the group. Our service statements all walk an index a few rows far, so other
 * ways are off for their connections alone, and looking at a row costs so much that the way over the
 * fewest rows wins, however small the table is thought to be.
 *
 * `plan_cache_mode` stays as it is: forced, the server plans its own look for the job of each history row anew,
 * once a row, which was a quarter of what it did in a drain. Ours are sent without a name and so are planned
 * each time all the same.
 */
const PLANNER = [
  'enable_seqscan=off',
  'enable_bitmapscan=off',
  'enable_hashjoin=off',
  'enable_mergejoin=off',
  'enable_sort=off',
  'cpu_tuple_cost=1',
  'random_page_cost=0.1',
  'seq_page_cost=0.1',
  'jit=off',
]

/** Connections are made anew now and then, and the plans with them. In seconds. */
const CONNECTION_LIFETIME_SECONDS = 60

/** Opens the pools; connects lazily. */
export function connectPostgresql(settings: PostgresqlSettings): Database {
  const { schema, idleInTransactionMs } = settings
  const session = [
    'timezone=UTC',
    // Times that are compared exactly travel as text.
    'datestyle=ISO',
    'crossdock.quiet=on',
    `statement_timeout=${STATEMENT_LIMIT_MS}`,
    // Somebody's open transaction on one row must not hold up the group that has it.
    'lock_timeout=250',
    READ_COMMITTED,
    `idle_in_transaction_session_timeout=${idleInTransactionMs}`,
  ]
  const direct = settings.directConnection ?? settings.connection
  const service = new pg.Pool({
    ...poolDefaults('crossdock'),
    ...direct,
    max: SERVICE_CONNECTIONS,
    query_timeout: ANSWER_LIMIT_MS,
    options: startupOptions([...session, ...PLANNER]),
  })
  const handlers = new pg.Pool({
    ...poolDefaults('crossdock handlers'),
    ...settings.connection,
    max: settings.handlerConnections,
    connectionTimeoutMillis: HANDLER_WAIT_MS,
    // BEGIN travels with the handler's first statement, COMMIT with the completion: two round trips
    // instead of four.
    pipeline: true,
    // A PgBouncer refuses startup options; the transaction then sets what it needs itself.
    ...(settings.directConnection === undefined && {
      options: startupOptions([
        'timezone=UTC',
        READ_COMMITTED,
        `idle_in_transaction_session_timeout=${idleInTransactionMs}`,
      ]),
    }),
  })
  for (const pool of [service, handlers]) {
    pool.on('error', settings.onConnectionError)
    // The pool listens to idle connections only. One that breaks while it is held and runs nothing would
    // end the process; whoever holds it learns of it by the next statement.
    pool.on('connect', (client) => client.on('error', () => undefined))
  }
  /** Connections of the service pool, which keep no plans. */
  const ours = new WeakSet<object>()
  service.on('connect', (client) => ours.add(client))
  const contention = createContentionGuard(contentionOf)
  const quoted = pg.escapeIdentifier(schema)
  return {
    service,
    handlers,
    schema,
    idleInTransactionMs,
    token: randomBytes(6).toString('hex'),
    names: {
      queueJobs: `${quoted}.queue_jobs`,
      jobHistories: `${quoted}.job_histories`,
      instances: `${quoted}.crossdock_instances`,
      pauses: `${quoted}.crossdock_pauses`,
      clientSlots: `${quoted}.crossdock_client_slots`,
      clientPackets: `${quoted}.crossdock_client_packets`,
      jobs: `${quoted}.jobs`,
      mustHold: `${quoted}.crossdock_must_hold`,
    },
    openClient: () =>
      new pg.Client({
        ...poolDefaults('crossdock listener'),
        ...direct,
        options: startupOptions(session),
      }),
    contention,
    run: async (statement, values, runner) => {
      const { name, text } = statement
      try {
        if (runner !== undefined) {
          const keepsPlan = !ours.has(runner)
          return await runner.query({ ...(keepsPlan && { name }), text, values })
        }
        return await contention.repeated(() => service.query({ text, values }))
      } catch (error) {
        throw translateError(error)
      }
    },
  }
}

function poolDefaults(name: string): pg.PoolConfig {
  return {
    application_name: name,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: CONNECTION_WAIT_MS,
    idleTimeoutMillis: 30_000,
    maxLifetimeSeconds: CONNECTION_LIFETIME_SECONDS,
  }
}

function startupOptions(settings: readonly string[]): string {
  return settings.map((setting) => `-c ${setting}`).join(' ')
}
