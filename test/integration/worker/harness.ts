import pg from 'pg'
import { afterEach, beforeAll, beforeEach } from 'vitest'
import type { WorkerSettings } from '../../../src/worker/settings.ts'
import { openStore, type StoreAddress } from '../../../src/app/open-store.ts'
import type { Handler } from '../../../src/ports/handler.ts'
import { createDatabase, type TestDatabase } from '../../services/database.ts'
import type { PostgresqlService } from '../../services/postgresql-service.ts'
import { startOrSkip } from '../../services/require.ts'
import { sharedPostgresql, sharedTemplate } from '../../services/shared-servers.ts'
import { startInstance, type Instance } from './instance.ts'
import { recordingLog } from './recording-log.ts'
import { nextLook } from '../../next-look.ts'

/** A row, by its columns. */
export type Row = Readonly<Record<string, unknown>>

/** Columns of a job to insert; `payload` is written as JSON. */
export interface NewRow extends Row {
  readonly handler: string
}

/** What the tests of a file have: a shared server, and for each test a database of its own. */
export interface WorkerHarness {
  readonly service: PostgresqlService
  readonly url: string
  /** Starts workers; they are stopped after the test. */
  start(handlers: readonly Handler[], settings?: Partial<WorkerSettings>): Promise<Instance>
  /** A plain INSERT by a connection that is nobody's of the product. Returns the id. */
  insert(row: NewRow): Promise<string>
  query(text: string, values?: readonly unknown[]): Promise<readonly Row[]>
  job(id: string): Promise<Row>
  history(id: string): Promise<readonly Row[]>
  /** The job once it has this status. */
  untilStatus(id: string, statusid: number): Promise<Row>
  /** Another connection, closed after the test. */
  connect(): Promise<pg.Client>
}

/** Polls until `look` gives something; fails with `what` after the time limit. */
export async function until<T>(
  look: () => Promise<T | undefined | false> | T | undefined | false,
  what: string,
  limitMs = 10_000,
): Promise<T> {
  const from = performance.now()
  const deadline = from + limitMs
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > deadline) throw new Error(`waited ${limitMs} ms in vain: ${what}`)
    await nextLook(from)
  }
}

/**
 * Sets the file's hooks. Without a PostgreSQL every test is skipped, aloud. Workers sleep for a minute
 * unless they are woken, so that a wake-up that is missing fails the test.
 */
export function useWorkers(): WorkerHarness {
  let service: PostgresqlService | undefined
  let template: string | undefined
  let database: TestDatabase | undefined
  let client: pg.Client | undefined
  let cleanUps: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    service = await startOrSkip('postgresql', sharedPostgresql)
    if (service !== undefined) template = await sharedTemplate()
  })

  beforeEach(async ({ skip }) => {
    if (service === undefined || template === undefined) return skip()
    database = await createDatabase(service, { template })
    client = await connect()
  })

  afterEach(async () => {
    for (const cleanUp of cleanUps.toReversed()) await cleanUp()
    cleanUps = []
    await database?.drop()
  })

  async function connect(): Promise<pg.Client> {
    const fresh = new pg.Client({ connectionString: database!.url })
    fresh.on('error', () => undefined)
    await fresh.connect()
    cleanUps.push(() => fresh.end().catch(() => undefined))
    return fresh
  }

  async function query(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    return (await client!.query<Row>(text, [...values])).rows
  }

  async function job(id: string): Promise<Row> {
    const [row] = await query('SELECT * FROM queue_jobs WHERE id = $1', [id])
    return row!
  }

  let instances = 0
  async function start(
    handlers: readonly Handler[],
    settings: Partial<WorkerSettings> = {},
  ): Promise<Instance> {
    const leaseMs = settings.leaseMs ?? 3_000
    const address: StoreAddress = {
      dialect: 'postgresql',
      connection: { connectionString: database!.url },
      directConnection: undefined,
      schema: 'public',
      idleInTransactionMs: Math.floor(leaseMs / 2),
    }
    instances += 1
    const store = await openStore(address, 20, recordingLog())
    const instance = await startInstance(store, address, handlers, {
      owner: `instance-${instances}`,
      ...settings,
      leaseMs,
    })
    cleanUps.push(() => instance.stop(0))
    return instance
  }

  return {
    get service() {
      return service!
    },
    get url() {
      return database!.url
    },
    start,
    query,
    job,
    connect,
    insert: async ({ payload, ...row }) => {
      const columns: Row = {
        ...row,
        ...(payload !== undefined && { payload: JSON.stringify(payload) }),
      }
      const names = Object.keys(columns)
      const [inserted] = await query(
        `INSERT INTO queue_jobs (${names.join(', ')})
         VALUES (${names.map((_, index) => `$${index + 1}`).join(', ')}) RETURNING id`,
        Object.values(columns),
      )
      return String(inserted!['id'])
    },
    history: (id) =>
      query('SELECT * FROM job_histories WHERE jobid = $1 ORDER BY leaseepoch', [id]),
    untilStatus: async (id, statusid) => {
      let seen: Row = {}
      try {
        return await until(async () => {
          seen = await job(id)
          return seen['statusid'] === statusid && seen
        }, `job ${id} in status ${statusid}`)
      } catch (error) {
        throw new Error(
          `job ${id} is in status ${String(seen['statusid'])}, not ${statusid}: ${String(seen['lasterror'])}`,
          { cause: error },
        )
      }
    },
  }
}
