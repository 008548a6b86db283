import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { createMysqlStore } from '../../../src/store/mysql/index.ts'
import { migrateMysql } from '../../../src/store/mysql/migrate.ts'
import { splitStatements } from '../../../src/store/mysql/statements.ts'
import { CLAIM, codeOf, insert, newJob, settlement } from './jobs.ts'
import { storeSuite } from './store-suite.ts'

const FOLDER = path.resolve(import.meta.dirname, '../../../migrations/mysql')

/** Every migration, in order. */
async function allMigrations(): Promise<readonly string[]> {
  return (await readdir(FOLDER)).sort().map((file) => path.parse(file).name)
}

/** What migrations of MySQL and MariaDB do that those of PostgreSQL, which can be undone, do not. */
export const mysqlMigrationsSuite = storeSuite('migrations of MySQL', (bed) => {
  async function connect(): Promise<Connection> {
    return await mysql.createConnection({ uri: bed.database.url, timezone: 'Z' })
  }

  async function inFreshDatabase(work: (uri: string) => Promise<void>): Promise<void> {
    const uri = bed.database.url
    const name = `${uri.slice(uri.lastIndexOf('/') + 1)}_more`
    try {
      await work(`${uri}_more`)
    } finally {
      await bed.database.sql(`DROP DATABASE IF EXISTS ${name}`)
    }
  }

  it('migrations by two at once are applied once', async () => {
    await inFreshDatabase(async (uri) => {
      const both = await Promise.all(
        [1, 2].map(() => migrateMysql({ connection: { uri }, dryRun: false })),
      )
      expect(both.flatMap(({ applied }) => applied)).toEqual(await allMigrations())
    })
  })

  it('a migration that broke off goes on with the statement that failed', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'crossdock-test-'))
    try {
      await inFreshDatabase(async (uri) => {
        await cp(FOLDER, folder, { recursive: true })
        const file = path.join(folder, '9000_more.sql')
        const sql = `INSERT IGNORE INTO crossdock_migrations (number, name, breaking, statements) VALUES (9000, 'more', false, 0);
          CREATE TABLE made (id integer);
          CREATE TABLE made_next AS SELECT id FROM made_elsewhere;
          UPDATE crossdock_migrations SET statements = NULL WHERE number = 9000;`
        await writeFile(file, sql)
        const connection = { uri }
        const run = (): Promise<unknown> => migrateMysql({ connection, dryRun: false, folder })
        expect(await codeOf(run())).toBe('migration_failed')
        const plan = await migrateMysql({ connection, dryRun: true, folder })
        expect(plan.pending).toEqual(['9000_more'])
        const other = await mysql.createConnection(uri)
        await other.query('CREATE TABLE made_elsewhere (id integer)')
        expect(await run()).toMatchObject({ applied: ['9000_more'] })
        const [rows] = await other.query<RowDataPacket[]>(
          `SELECT number, breaking, statements FROM crossdock_migrations
           WHERE number IN (1, 9000) ORDER BY number`,
        )
        await other.end()
        expect(rows).toEqual([
          { number: 1, breaking: 1, statements: null },
          { number: 9000, breaking: 0, statements: null },
        ])
      })
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('a file that was run by hand, whole or in part, is taken over', async () => {
    const sql = await readFile(path.join(FOLDER, '0001_tables.sql'), 'utf8')
    const statements = splitStatements(sql)
    for (const done of [4, statements.length]) {
      await inFreshDatabase(async (uri) => {
        const admin = await connect()
        await admin.query(`CREATE DATABASE ${uri.slice(uri.lastIndexOf('/') + 1)}`)
        await admin.end()
        const hand = await mysql.createConnection(uri)
        for (const statement of statements.slice(0, done)) await hand.query(statement)
        await hand.end()
        const { applied } = await migrateMysql({ connection: { uri }, dryRun: false })
        const all = await allMigrations()
        expect(applied).toEqual(done === statements.length ? all.slice(1) : all)
        const again = await migrateMysql({ connection: { uri }, dryRun: false })
        expect(again.applied).toEqual([])
      })
    }
  })

  it('every statement of a later migration can be met again', async () => {
    await inFreshDatabase(async (uri) => {
      const { applied } = await migrateMysql({ connection: { uri }, dryRun: false })
      const hand = await mysql.createConnection(uri)
      const read = async (): Promise<unknown> => {
        const [migrations] = await hand.query(
          'SELECT number, breaking, statements FROM crossdock_migrations',
        )
        const [triggers] = await hand.query(
          `SELECT trigger_name AS name, action_statement AS does FROM information_schema.triggers
           WHERE trigger_schema = DATABASE() ORDER BY 1`,
        )
        return { migrations, triggers }
      }
      const before = await read()
      for (const name of applied.slice(1)) {
        const sql = await readFile(path.join(FOLDER, `${name}.sql`), 'utf8')
        for (const statement of splitStatements(sql)) {
          await hand.query(statement)
          await hand.query(statement)
        }
      }
      expect(await read()).toEqual(before)
      await hand.end()
    })
  })

  it('texts and keys are whole where the database has another character set', async () => {
    await inFreshDatabase(async (uri) => {
      const admin = await connect()
      await admin.query(
        `CREATE DATABASE ${uri.slice(uri.lastIndexOf('/') + 1)} CHARACTER SET latin1`,
      )
      await admin.end()
      await migrateMysql({ connection: { uri }, dryRun: false })
      const store = createMysqlStore({
        connection: { uri },
        handlerConnections: 1,
        idleInTransactionMs: 10_000,
        onConnectionError: () => undefined,
      })
      try {
        const orderingKey = '日本 😀'
        expect(await insert(store, newJob({ id: 'a', orderingKey }))).toEqual(['stored'])
        expect(await store.giveTurns([{ tenantId: null, orderingKey }])).toMatchObject({ count: 1 })
        const jobs = await store.claim(CLAIM)
        const result = '"日本 é € 😀"'
        const progress = { current: 1, total: 2, message: '進捗 😀' }
        await store.updateProgress(jobs.map(({ jobId, epoch }) => ({ jobId, epoch, progress })))
        await store.settle(jobs.map((job) => settlement(job, { kind: 'completed', result })))
        expect(await store.findJob('a')).toMatchObject({
          result,
          progress: { message: progress.message },
        })
      } finally {
        await store.close()
      }
    })
  })

  it('tables of somebody else are left alone', async () => {
    await inFreshDatabase(async (uri) => {
      const admin = await connect()
      const name = uri.slice(uri.lastIndexOf('/') + 1)
      await admin.query(`CREATE DATABASE ${name}`)
      await admin.query(`CREATE TABLE ${name}.jobs (id integer)`)
      await admin.end()
      expect(await codeOf(migrateMysql({ connection: { uri }, dryRun: false }))).toBe(
        'migration_foreign_table',
      )
    })
  })
})
