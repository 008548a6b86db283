import { appendFile, cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ANYTHING, type Announcement } from '../../src/ports/wake-ups.ts'
import { createPostgresqlStore } from '../../src/store/postgresql/index.ts'
import { migratePostgresql } from '../../src/store/postgresql/migrate.ts'
import type { MigrationReport } from '../../src/store/migration-files.ts'
import { createDatabase, type TestDatabase } from '../services/database.ts'
import { startPostgresql } from '../services/postgresql.ts'
import type { PostgresqlService } from '../services/postgresql-service.ts'
import { startOrSkip } from '../services/require.ts'
import { CONTRACT } from './contract-columns.ts'
import { findPsql } from './psql.ts'
import { query, schemaFacts } from './schema-facts.ts'
import { CLAIM, codeOf, insert, newJob, settlement } from './store/jobs.ts'

const FOLDER = path.resolve(import.meta.dirname, '../../migrations/postgresql')
const TABLES = '0001_tables'

/** Every migration, in order. */
const ALL: readonly string[] = (await readdir(FOLDER)).sort().map((file) => path.parse(file).name)

describe('migrations on PostgreSQL', () => {
  let service: PostgresqlService | undefined
  let database: TestDatabase
  let folder: string

  beforeAll(async () => {
    service = await startOrSkip('postgresql', () => startPostgresql())
  })

  beforeEach(async ({ skip }) => {
    if (service === undefined) return skip()
    database = await createDatabase(service)
    folder = await mkdtemp(path.join(tmpdir(), 'crossdock-migrations-'))
    await cp(FOLDER, folder, { recursive: true })
  })

  afterEach(async () => {
    if (service === undefined) return
    await rm(folder, { recursive: true })
    await database.drop()
  })

  afterAll(async () => {
    await service?.stop()
  })

  function migrate(options: { dryRun?: boolean; schema?: string } = {}): Promise<MigrationReport> {
    const connection = { connectionString: database.url }
    return migratePostgresql({ connection, schema: 'public', dryRun: false, folder, ...options })
  }

  it('are applied once', async () => {
    expect(await migrate()).toEqual({ applied: ALL, pending: [] })
    const facts = await schemaFacts(database.url)
    expect(await migrate()).toEqual({ applied: [], pending: [] })
    expect(await schemaFacts(database.url)).toEqual(facts)
  })

  it('make the same by hand with psql, and are then known to migrate', async ({ skip }) => {
    const psql = await startOrSkip('psql', findPsql)
    if (psql === undefined || service === undefined) return skip()
    await migrate()
    const byHand = await createDatabase(service)
    try {
      for (const name of ALL) await psql(byHand.url, path.join(FOLDER, `${name}.sql`))
      expect(await schemaFacts(byHand.url)).toEqual(await schemaFacts(database.url))
      await expect(psql(byHand.url, path.join(FOLDER, `${TABLES}.sql`))).rejects.toThrow(
        /exists|dup/,
      )
      const connection = { connectionString: byHand.url }
      const report = await migratePostgresql({ connection, schema: 'public', dryRun: false })
      expect(report).toEqual({ applied: [], pending: [] })
      const sums =
        'SELECT number, name, checksum, breaking FROM crossdock_migrations ORDER BY number'
      expect(await query(byHand.url, sums)).toEqual(await query(database.url, sums))
    } finally {
      await byHand.drop()
    }
  })

  it('are applied once by several at once', async () => {
    const reports = await Promise.all(Array.from({ length: 4 }, () => migrate()))
    expect(reports.flatMap(({ applied }) => applied)).toEqual(ALL)
  })

  it('are applied to a database of the first version, and keep its rows', async () => {
    const first = await mkdtemp(path.join(tmpdir(), 'crossdock-migrations-'))
    try {
      await cp(path.join(FOLDER, `${TABLES}.sql`), path.join(first, `${TABLES}.sql`))
      const connection = { connectionString: database.url }
      await migratePostgresql({ connection, schema: 'public', dryRun: false, folder: first })
    } finally {
      await rm(first, { recursive: true })
    }
    await query(
      database.url,
      `INSERT INTO jobs (id, name, handler, intervalseconds) VALUES ('s', 's', 'h', 60)`,
    )
    expect(await migrate()).toEqual({ applied: ALL.slice(1), pending: [] })
    expect(await query(database.url, 'SELECT id, nextrunat FROM jobs')).toEqual([
      { id: 's', nextrunat: null },
    ])
  })

  it('change nothing when they are only asked for', async () => {
    const empty = await schemaFacts(database.url)
    const pending = { applied: [], pending: ALL }
    expect(await migrate({ dryRun: true })).toEqual(pending)
    expect(await migrate({ dryRun: true, schema: 'not there yet' })).toEqual(pending)
    expect(await schemaFacts(database.url)).toEqual(empty)
    const schemas = `SELECT 1 FROM pg_namespace WHERE nspname = 'not there yet'`
    expect(await query(database.url, schemas)).toEqual([])
    expect(await migrate()).toMatchObject({ applied: ALL })
    expect(await migrate({ dryRun: true })).toEqual({ applied: [], pending: [] })
  })

  it('are refused once an applied file was changed', async () => {
    await migrate()
    const file = path.join(folder, `${TABLES}.sql`)
    await appendFile(file, '-- one more line\n')
    expect(await codeOf(migrate())).toBe('migration_changed')
    expect(await codeOf(migrate({ dryRun: true }))).toBe('migration_changed')
  })

  it('are refused where a newer one breaks this version, and go on where it does not', async () => {
    await migrate()
    const newer = `INSERT INTO crossdock_migrations (number, name, breaking) VALUES ($1, 'n', $2)`
    await query(database.url, newer, [9998, false])
    expect(await migrate()).toEqual({ applied: [], pending: [] })
    await query(database.url, newer, [9999, true])
    await expect(migrate()).rejects.toThrow('9999_n')
    expect(await codeOf(migrate())).toBe('migration_newer')
  })

  it('refuse a table that is not ours, and touch nothing', async () => {
    await query(database.url, 'CREATE TABLE jobs (id integer)')
    const before = await schemaFacts(database.url)
    await expect(migrate()).rejects.toThrow(/schema 'public' has a table 'jobs'.*database\.schema/)
    expect(await codeOf(migrate({ dryRun: true }))).toBe('migration_foreign_table')
    expect(await schemaFacts(database.url)).toEqual(before)
    expect(await migrate({ schema: 'ours' })).toMatchObject({ applied: ALL })
  })

  it('leave nothing of one that fails in the middle', async () => {
    const record = `INSERT INTO crossdock_migrations (number, name, breaking) VALUES (9000, 'x', false)`
    const broken = `BEGIN; ${record}; CREATE TABLE half (id integer); SELECT nonsense; COMMIT;`
    await writeFile(path.join(folder, '9000_x.sql'), broken)
    expect(await codeOf(migrate())).toBe('migration_failed')
    await expect(query(database.url, 'SELECT 1 FROM half')).rejects.toThrow(/exist/)
    await writeFile(path.join(folder, '9000_x.sql'), broken.replace('SELECT nonsense;', ''))
    expect(await migrate()).toEqual({ applied: ['9000_x'], pending: [] })
  })

  it('make every table, column and default of the contract', async () => {
    await migrate()
    const rows = await query<ColumnRow>(
      database.url,
      `SELECT table_name, column_name, udt_name, character_maximum_length AS length, column_default
       FROM information_schema.columns WHERE table_schema = 'public'`,
    )
    const made: Record<string, Record<string, string>> = {}
    for (const row of rows) (made[row.table_name] ??= {})[row.column_name] = column(row)
    expect(made).toMatchObject(CONTRACT)
    const needed = await query(
      database.url,
      `SELECT column_name FROM information_schema.columns WHERE table_name = 'queue_jobs'
       AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'`,
    )
    expect(needed).toEqual([{ column_name: 'handler' }])
  })

  it.each(['elsewhere', 'Weird "Name"; --', `${'long_'.repeat(12)}end`])(
    'put everything into the schema %j, where the whole store works',
    async (schema) => {
      expect(await migrate({ schema })).toMatchObject({ applied: ALL })
      expect(await migrate({ schema })).toEqual({ applied: [], pending: [] })
      expect(await query(database.url, `SELECT to_regclass('public.queue_jobs') AS found`)).toEqual(
        [{ found: null }],
      )
      const open = (): ReturnType<typeof createPostgresqlStore> =>
        createPostgresqlStore({
          connection: { connectionString: database.url },
          schema,
          handlerConnections: 1,
          idleInTransactionMs: 10_000,
          onConnectionError: () => undefined,
        })
      const [store, other] = [open(), open()]
      try {
        const heard: Announcement[] = []
        await other.listen((said) => heard.push(said))
        await store.announce({ queues: ['q'], schedules: false })
        await expect.poll(() => heard).toEqual([ANYTHING, { queues: ['q'], schedules: false }])
        const table = `"${schema.replaceAll('"', '""')}".queue_jobs`
        await query(database.url, `INSERT INTO ${table} (handler) VALUES ('plain')`)
        await expect
          .poll(() => heard)
          .toEqual([
            ANYTHING,
            { queues: ['q'], schedules: false },
            { queues: null, schedules: false },
          ])

        await insert(store, newJob({ dedupeKey: 'd' }))
        expect(await insert(store, newJob({ dedupeKey: 'd' }))).toEqual(['duplicate'])
        expect(await store.readyQueues()).toEqual(['default'])
        const [one, two] = await store.claim(CLAIM)
        expect(await store.begin([one!])).toHaveLength(1)
        expect(await store.renew({ keys: [one!], leaseMs: 1_000 })).toHaveLength(1)
        const progress = { current: 1, total: 2, message: null }
        await store.updateProgress([{ ...one!, progress }])
        expect(
          await store.settle([settlement(one!, { kind: 'snoozed', delayMs: 0 })]),
        ).toHaveLength(1)
        expect(await store.promoteDue({ limit: 1 })).toMatchObject({ count: 1 })
        const transaction = store.openTransaction()
        await transaction.commit({ settlement: settlement(two!), jobs: [newJob()] })
        expect(await store.settled([two!])).toHaveLength(1)
        expect(await store.listExecutions(two!.jobId)).toHaveLength(1)
        expect(await store.queueDepths()).toMatchObject([{ pending: 2 }])
        expect(await store.missingHandlers(['plain'])).toEqual(['test.handler'])
        const request = { limit: 1, executedBy: 'r', decide: () => settlement(one!).ending }
        expect(await store.recoverExpired(request)).toEqual([])
      } finally {
        await Promise.all([store.close(), other.close()])
      }
    },
  )
})

const TYPES: Readonly<Record<string, string>> = {
  int4: 'int',
  int8: 'bigint',
  bool: 'boolean',
  timestamptz: 'time',
  jsonb: 'json',
}

interface ColumnRow {
  readonly table_name: string
  readonly column_name: string
  readonly udt_name: string
  readonly length: number | null
  readonly column_default: string | null
}

/** A column in the words of the contract. */
function column(row: ColumnRow): string {
  const type = TYPES[row.udt_name] ?? row.udt_name
  const sized = row.length === null ? type : `${type}(${row.length})`
  if (row.column_default === null) return sized
  const value = row.column_default
    .replace(/^'(.*)'::.*$/, '$1')
    .replace('clock_timestamp()', 'now')
    .replace('crossdock_uuidv7()', 'id')
  return `${sized} = ${value}`
}
