import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  connectPostgresql,
  type Database,
  type Statement,
} from '../../src/store/postgresql/connect.ts'
import { migratePostgresql } from '../../src/store/postgresql/migrate.ts'
import {
  clockStatement,
  dueStatement,
  fireStatement,
  placeStatement,
  planStatement,
  unplannedStatement,
} from '../../src/store/postgresql/schedule-statements.ts'
import { createDatabase, type TestDatabase } from '../services/database.ts'
import { startEmbeddedService } from '../services/embedded.ts'
import { startPostgresql } from '../services/postgresql.ts'
import type { PostgresqlService } from '../services/postgresql-service.ts'
import { startOrSkip } from '../services/require.ts'
import { kinds, rowsRead, ways, type PlanNode } from './plan-nodes.ts'

const SERVERS = [
  ['postgresql', () => startPostgresql()],
  ['embedded', startEmbeddedService],
] as const

const BATCH = 250

describe.each(SERVERS)('the plans of schedules on %s', (name, start) => {
  let service: PostgresqlService | undefined
  let own: TestDatabase | undefined
  let database: Database

  beforeAll(async () => {
    service = await startOrSkip(name, start)
    if (service === undefined) return
    own = await createDatabase(service)
    const connection = { connectionString: own.url }
    await migratePostgresql({ connection, schema: 'public', dryRun: false })
    database = connectPostgresql({
      connection,
      schema: 'public',
      handlerConnections: 1,
      idleInTransactionMs: 60_000,
      onConnectionError: () => undefined,
    })
    await run('ALTER TABLE jobs SET (autovacuum_enabled = false)')
  })

  beforeEach(({ skip }) => {
    if (own === undefined) skip()
  })

  afterAll(async () => {
    if (own === undefined) return
    await Promise.all([database.service.end(), database.handlers.end()])
    await own.drop()
    await service?.stop()
  })

  async function run(text: string): Promise<void> {
    await database.service.query(text)
  }

  /** A third is due, a third later, a third over. */
  const fill = (): Promise<void> =>
    run(`INSERT INTO jobs (id, name, handler, cronexpression, nextrunat)
      SELECT 's' || n, 'n' || n, 'h', '0 0 1 1 *', CASE n % 3 WHEN 0 THEN '2026-01-01'
        WHEN 1 THEN '2999-01-01' ELSE '9999-12-31' END::timestamptz FROM generate_series(1, 9000) n`)

  /** The plan of a statement that was run, and undone. */
  async function plan(statement: Statement, values: readonly unknown[]): Promise<PlanNode> {
    const client = await database.service.connect()
    try {
      await client.query('BEGIN')
      const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
        `EXPLAIN (ANALYZE, FORMAT JSON) ${statement.text}`,
        [...values],
      )
      return rows[0]!['QUERY PLAN'][0].Plan
    } finally {
      await client.query('ROLLBACK')
      client.release()
    }
  }

  it.each([
    ['empty', async () => undefined],
    ['filled, never analyzed', fill],
    ['analyzed', () => run('ANALYZE jobs')],
    ['filled since it was analyzed empty', () => run('DELETE FROM jobs; ANALYZE jobs').then(fill)],
  ])(
    'read what is due in the order of its index, and nothing else, in a table %s',
    async (_, prepare) => {
      await prepare()
      const due = await plan(dueStatement(database), ['-infinity', '', BATCH])
      const reads = [
        due,
        await plan(dueStatement(database), ['2026-01-01', 's5', BATCH]),
        await plan(unplannedStatement(database), ['', BATCH]),
        await plan(unplannedStatement(database), [null, BATCH]),
        await plan(clockStatement(database), []),
        await plan(placeStatement(database), ['-infinity', '', BATCH - 1]),
      ]
      for (const read of reads) {
        expect(ways(read, 'jobs')).toEqual(['jobs_due'])
        expect(kinds(read)).not.toContain('Sort')
        expect(rowsRead(read, 'jobs')).toBeLessThanOrEqual(BATCH)
      }
      const { rows } = await database.service.query<{ id: string; next: string; modified: string }>(
        `SELECT id, nextrunat::text AS next, modifiedon::text AS modified FROM jobs
       WHERE nextrunat = '2026-01-01' LIMIT ${BATCH}`,
      )
      const keys = [rows.map(({ id }) => id), rows.map(({ next }) => next)]
      const versions = [...keys, rows.map(({ modified }) => modified)]
      const never = rows.map(() => '9999-12-31')
      const none = rows.map(() => null)
      const fired = await plan(fireStatement(database), [
        ...versions,
        rows.map(() => 1),
        never,
        none,
        rows.map((_each, index) => index + 1),
        none,
        none,
        none,
      ])
      const planned = await plan(planStatement(database), [...versions, never, none])
      for (const written of [fired, planned]) {
        expect(new Set(ways(written, 'jobs'))).toEqual(new Set(['jobs_pkey']))
        expect(rowsRead(written, 'jobs')).toBeLessThanOrEqual(2 * BATCH)
      }
    },
  )
})
