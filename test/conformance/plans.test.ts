import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { backlogStatement } from '../../src/store/postgresql/backlog.ts'
import { claimStatement } from '../../src/store/postgresql/claim.ts'
import {
  connectPostgresql,
  type Database,
  type Statement,
} from '../../src/store/postgresql/connect.ts'
import { expiredStatement, renewStatement } from '../../src/store/postgresql/leases.ts'
import { migratePostgresql } from '../../src/store/postgresql/migrate.ts'
import { promoteStatement } from '../../src/store/postgresql/promote.ts'
import { settleInTransactionStatement, settleStatement } from '../../src/store/postgresql/settle.ts'
import { FINISHING } from '../../src/store/postgresql/transaction.ts'
import { giveStatement, lateStatement, walkStatement } from '../../src/store/postgresql/turns.ts'
import { createDatabase, type TestDatabase } from '../services/database.ts'
import { startEmbeddedService } from '../services/embedded.ts'
import { startPostgresql } from '../services/postgresql.ts'
import type { PostgresqlService } from '../services/postgresql-service.ts'
import { startOrSkip } from '../services/require.ts'
import { rowsRead, ways, type PlanNode } from './plan-nodes.ts'

const SERVERS = [
  ['postgresql', () => startPostgresql()],
  ['embedded', startEmbeddedService],
] as const

const MANY = 20_000

/** So many keys of jobs that are being run, or would be. */
const keys = (count: number): [string[], number[]] => [
  Array.from({ length: count }, (_, index) => `p${index + 1}`),
  Array.from({ length: count }, () => 1),
]

/** So many names of lanes, some of which there are. */
const lanes = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${index % 2 === 0 ? '1:t' : ''}|key-${index}`)

/** The values of a group's end: id, epoch, statusid, …, duration, attempt, executedby, …, recovered. */
function settleValues(count: number): unknown[] {
  const fill = (value: unknown): unknown[] => Array.from({ length: count }, () => value)
  const [ids, epochs] = keys(count)
  const before = [ids, epochs, fill(3), fill(3), [], [], [], [], [], fill(0), fill(0)]
  return [...before, fill(5), fill(0), fill('w'), [], [], fill(false)]
}

const BOUNDED = ['queue_jobs_queued, all of it', 'queue_jobs_waiting, all of it']

describe.each(SERVERS)('the plans on %s', (name, start) => {
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
    // Nothing is analyzed but by the tests.
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

  /** Rows of one status, whose ids begin with `prefix`. */
  async function fill(
    prefix: string,
    count: number,
    columns: string,
    values: string,
  ): Promise<void> {
    await run(`INSERT INTO queue_jobs (id, handler, ${columns})
      SELECT '${prefix}' || n, 'h', ${values} FROM generate_series(1, ${count}) n`)
  }

  /** Ready, running, waiting and ended jobs, `count` ready and ended ones, and a tenth of the others. */
  async function fillAll(count: number): Promise<void> {
    const tenth = Math.ceil(count / 10)
    await fill('r', count, 'priority', 'n % 3')
    await fill('d', count, 'statusid', '3')
    await fill(
      'p',
      tenth,
      'statusid, leaseepoch, leaseexpiresat',
      "2, 1, now() + interval '1 hour'",
    )
    await fill('w', tenth, 'statusid, scheduledat', "7, now() + n * interval '1 minute'")
    await fill('o', tenth, 'statusid, scheduledat', "5, now() - n * interval '1 minute'")
    await fill(
      'k',
      tenth,
      'orderingkey, tenantid',
      "'key-' || n % 10, CASE WHEN n % 2 = 0 THEN 't' END",
    )
  }

  /** The plan of a service statement, on a service connection, with its values. */
  async function plan(statement: Statement, values: unknown[], analyze = false): Promise<PlanNode> {
    const client = await database.service.connect()
    try {
      await client.query('BEGIN')
      const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
        `EXPLAIN (FORMAT JSON${analyze ? ', ANALYZE' : ''}) ${statement.text}`,
        values,
      )
      return rows[0]!['QUERY PLAN'][0].Plan
    } finally {
      await client.query('ROLLBACK')
      client.release()
    }
  }

  /** The plan of an end in a handler's transaction: with its values, and the one that is kept. */
  async function heldPlans(): Promise<readonly PlanNode[]> {
    const statement = settleInTransactionStatement(database)
    const client = await database.handlers.connect()
    try {
      await client.query('BEGIN')
      await client.query(FINISHING)
      await client.query(`PREPARE held AS ${statement.text}`)
      const values = ["'p1'", '1', '3', '3', ...Array<string>(5).fill('NULL'), '0', '0', '5', '0']
      const call = `EXPLAIN (FORMAT JSON) EXECUTE held(${[...values, "'w'", 'NULL', 'NULL', 'false', "'t'"].join(', ')})`
      const plans: PlanNode[] = []
      for (const mode of ['force_custom_plan', 'force_generic_plan']) {
        await client.query(`SET LOCAL plan_cache_mode = ${mode}`)
        const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(call)
        plans.push(rows[0]!['QUERY PLAN'][0].Plan)
      }
      return plans
    } finally {
      await client.query('ROLLBACK')
      await client.query('DEALLOCATE ALL')
      client.release()
    }
  }

  const states: readonly (readonly [string, () => Promise<void>])[] = [
    ['freshly migrated and empty', async () => undefined],
    ['of 10 rows', () => fillAll(10)],
    [
      `of ${MANY} ready rows, never analyzed`,
      async () => {
        await run('DELETE FROM queue_jobs')
        await fillAll(MANY)
      },
    ],
    ['analyzed', () => run('ANALYZE')],
    ['emptied and analyzed', () => run('DELETE FROM queue_jobs').then(() => run('VACUUM ANALYZE'))],
    ['filled since it was analyzed empty', () => fillAll(MANY)],
    [
      'filled into the room that a clean-up left',
      async () => {
        await run("DELETE FROM queue_jobs WHERE id !~ '^o19..$'")
        await run("UPDATE queue_jobs SET id = 'left' || id")
        await run('VACUUM ANALYZE')
        await fillAll(MANY)
      },
    ],
  ]
  it.each(states)('walk the right indexes in a table %s', async (_, prepare) => {
    await prepare()
    const [{ number } = { number: 0 }] = (
      await database.service.query<{ number: number }>(
        'SELECT count(*)::int AS number FROM queue_jobs',
      )
    ).rows
    // Looking through a handful of rows is less than finding each by its key. The plan is not kept.
    const withoutTinyWays = (node: PlanNode): readonly string[] =>
      ways(node).map((way) => (number < 100 ? way.replace(', all of it', '') : way))
    const claim = claimStatement(database)
    for (const limit of [1, 100, 500]) {
      for (const [rank, seq] of [
        [-2_147_483_648, '0'],
        [-1, '1000'],
      ]) {
        const claimed = await plan(claim, ['default', rank, seq, limit, 'me', 30_000])
        expect(new Set(ways(claimed))).toEqual(new Set(['queue_jobs_ready', 'queue_jobs_pkey']))
      }
      const promoted = await plan(promoteStatement(database), [limit])
      expect(new Set(ways(promoted))).toEqual(new Set(['queue_jobs_waiting', 'queue_jobs_pkey']))
      const settled = await plan(settleStatement(database), settleValues(limit))
      expect(withoutTinyWays(settled)).toEqual(['queue_jobs_pkey'])
      const renewed = await plan(renewStatement(database), [...keys(limit), 30_000])
      expect(new Set(withoutTinyWays(renewed))).toEqual(new Set(['queue_jobs_pkey']))
      const given = await plan(giveStatement(database), [lanes(limit)])
      expect(new Set(ways(given))).toEqual(new Set(['queue_jobs_turn', 'queue_jobs_pkey']))
      for (const after of ['', '|key-5']) {
        const walked = await plan(walkStatement(database), [after, limit])
        expect(new Set(ways(walked))).toEqual(new Set(['queue_jobs_turn']))
      }
      for (const since of ['0', '1000']) {
        const late = await plan(lateStatement(database), [since, limit])
        expect(ways(late)).toEqual(['queue_jobs_queued'])
      }
      // Of an index that does not know the queue, as much as its limit says.
      const backlog = await plan(backlogStatement(database), ['default', limit, 2 * limit])
      expect(new Set(ways(backlog))).toEqual(new Set(['queue_jobs_ready', ...BOUNDED]))
      // All of an index that holds only what is being run.
      const expired = await plan(expiredStatement(database), [limit])
      expect(ways(expired)).toEqual(['queue_jobs_processing, all of it'])
    }
    for (const held of await heldPlans()) expect(ways(held)).toEqual(['queue_jobs_pkey'])
  })

  it(`read a few hundred of ${MANY} ready and ${MANY} ended rows`, async () => {
    await run('DELETE FROM queue_jobs')
    await fillAll(MANY)
    const front = ['default', -2_147_483_648, '0', 100, 'me', 30_000]
    const claimed = await plan(claimStatement(database), front, true)
    expect(rowsRead(claimed)).toBeGreaterThanOrEqual(100)
    expect(rowsRead(claimed)).toBeLessThanOrEqual(500)
    const settled = await plan(settleStatement(database), settleValues(200), true)
    expect(rowsRead(settled)).toBeGreaterThanOrEqual(200)
    expect(rowsRead(settled)).toBeLessThanOrEqual(500)
    const renewed = await plan(renewStatement(database), [...keys(200), 30_000], true)
    expect(rowsRead(renewed)).toBeLessThanOrEqual(500)
    const promoted = await plan(promoteStatement(database), [100], true)
    expect(rowsRead(promoted)).toBeGreaterThanOrEqual(100)
    expect(rowsRead(promoted)).toBeLessThanOrEqual(500)
  })

  it('find the job of each history row by its key, though first looked for in an empty table', async () => {
    await run('DELETE FROM queue_jobs')
    await run('VACUUM ANALYZE queue_jobs')
    const client = await database.service.connect()
    const histories = (prefix: string, count: number): Promise<unknown> =>
      client.query(`INSERT INTO job_histories (jobid, leaseepoch, statusid, startedat)
        SELECT '${prefix}' || n, 1, 3, now() FROM generate_series(1, ${count}) n`)
    try {
      // The server keeps the plan of its own look after a few.
      for (let time = 1; time <= 10; time += 1) {
        await client.query(`INSERT INTO queue_jobs (id, handler) VALUES ('once${time}-1', 'h')`)
        await histories(`once${time}-`, 1)
      }
      await fill('f', MANY, 'statusid', '3')
      // As this connection has counted so far, which may be more than this transaction.
      const counted = async (): Promise<ReadonlyMap<string, number>> => {
        const { rows } = await client.query<{ name: string; read: string }>(
          `SELECT relname AS name, pg_stat_get_xact_tuples_returned(oid) AS read FROM pg_class
           WHERE oid = 'queue_jobs'::regclass
             OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'queue_jobs'::regclass)`,
        )
        return new Map(rows.map(({ name, read }) => [name, Number(read)]))
      }
      await client.query('BEGIN')
      const before = await counted()
      await histories('f', 1_000)
      const after = await counted()
      const read = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0)
      expect(read('queue_jobs_pkey')).toBeGreaterThanOrEqual(1_000)
      expect(read('queue_jobs_pkey')).toBeLessThan(3_000)
      const others = [...after.keys()].filter((name) => name !== 'queue_jobs_pkey')
      // The planner looks at the ends of indexes.
      expect(others.reduce((sum, name) => sum + read(name), 0)).toBeLessThan(200)
    } finally {
      await client.query('ROLLBACK')
      client.release()
    }
  })

  it(
    'look at a few rows of a lane of 100,000, whoever has its turn',
    { timeout: 120_000 },
    async () => {
      await run('DELETE FROM queue_jobs')
      await fill('hot', 100_000, 'orderingkey', "'hot'")
      await fill('k', 200, 'orderingkey', "'key-' || n % 20")
      const hot = [['|hot', ...Array.from({ length: 20 }, (_, n) => `|key-${n}`)]]
      for (const turns of [21, 0]) {
        const given = await plan(giveStatement(database), hot, true)
        // Each head is read once to be found, once to be locked, once to be made ready. Rows of a loop are given
        // as their average.
        expect(Math.abs(rowsRead(given) - 21 - 2 * turns)).toBeLessThan(5)
        const walked = await plan(walkStatement(database), ['', 2_000], true)
        expect(Math.abs(rowsRead(walked) - 21)).toBeLessThan(5)
        await database.run(giveStatement(database), hot)
      }
      const [{ seq } = { seq: '0' }] = (
        await database.service.query<{ seq: string }>(
          'SELECT max(seq) - 100 AS seq FROM queue_jobs',
        )
      ).rows
      const late = await plan(lateStatement(database), [seq, 1_000], true)
      expect(rowsRead(late)).toBeLessThanOrEqual(200)
    },
  )
})
