import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  connectPostgresql,
  type Database,
  type Statement,
} from '../../src/store/postgresql/connect.ts'
import { migratePostgresql } from '../../src/store/postgresql/migrate.ts'
import {
  removeHistoriesStatement,
  removeJobsStatement,
} from '../../src/store/postgresql/retention.ts'
import { createDatabase, type TestDatabase } from '../services/database.ts'
import { startPostgresql } from '../services/postgresql.ts'
import type { PostgresqlService } from '../services/postgresql-service.ts'
import { startOrSkip } from '../services/require.ts'
import { kinds, rowsRead, ways, type PlanNode } from './plan-nodes.ts'

const STEP = 500
const DAY_MS = 86_400_000
const JOBS = 20_000

describe('the plans of clean-up', () => {
  let service: PostgresqlService | undefined
  let own: TestDatabase | undefined
  let database: Database

  beforeAll(async () => {
    service = await startOrSkip('postgresql', () => startPostgresql())
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
    await run('ALTER TABLE queue_jobs SET (autovacuum_enabled = false)')
    await run('ALTER TABLE job_histories SET (autovacuum_enabled = false)')
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

  /** All have ended long ago; every second one has a history. */
  const fill = async (): Promise<void> => {
    await run(`INSERT INTO queue_jobs (id, handler, statusid, createdon, completedat)
      SELECT 'j' || n, 'h', 3, '2020-01-01', '2020-01-01' FROM generate_series(1, ${JOBS}) n`)
    await run(`INSERT INTO job_histories (jobid, leaseepoch, statusid, startedat, createdon)
      SELECT 'j' || n, 1, 3, '2020-01-01', '2020-01-01' FROM generate_series(1, ${JOBS}, 2) n`)
  }

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
    ['filled, never analyzed', fill],
    ['analyzed', () => run('ANALYZE queue_jobs; ANALYZE job_histories')],
    [
      'filled since it was analyzed empty',
      () => run('DELETE FROM queue_jobs; ANALYZE queue_jobs; ANALYZE job_histories').then(fill),
    ],
  ])('walk an index so far as a step goes, in tables %s', async (_, prepare) => {
    await prepare()
    const front = ['0', STEP, DAY_MS]
    const histories = await plan(removeHistoriesStatement(database), front)
    expect(new Set(ways(histories, 'job_histories'))).toEqual(new Set(['job_histories_pkey']))
    // Looked at, locked and deleted.
    expect(rowsRead(histories, 'job_histories')).toBe(3 * STEP)
    const jobs = await plan(removeJobsStatement(database), [...front, DAY_MS])
    expect(new Set(ways(jobs))).toEqual(new Set(['queue_jobs_seq']))
    expect(rowsRead(jobs)).toBe(2 * STEP + STEP / 2)
    expect(ways(jobs, 'job_histories')).toEqual(['job_histories_execution'])
    for (const step of [histories, jobs]) expect(kinds(step)).not.toContain('Sort')
  })
})
