import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ConditionResult, Conditions } from '../../../src/ports/conditions.ts'
import { insertSchedule, scheduleRow } from '../../conformance/store/schedules.ts'
import type { Row, TargetDatabase, TargetServer } from '../../conformance/store/target.ts'
import { startOrSkip } from '../../services/require.ts'
import { until } from '../worker/harness.ts'
import { conditionLogin, type ConditionLogin } from './condition-login.ts'
import { startScheduler, type RunningScheduler } from './start-scheduler.ts'
import { SHARED_TARGETS } from '../shared-targets.ts'

const LIMIT_MS = 800

describe.each(SHARED_TARGETS)('conditions on $name', (target) => {
  const isMariadb = target.name === 'mariadb'
  /** Text for one of the two. */
  const sql = (postgresql: string, mariadb: string): string => (isMariadb ? mariadb : postgresql)
  let server: TargetServer | undefined
  let database: TargetDatabase
  let login: ConditionLogin
  let conditions: Conditions
  let running: RunningScheduler | undefined

  beforeAll(async () => {
    server = await startOrSkip(target.name, () => target.start())
  })

  beforeEach(async ({ skip }) => {
    if (server === undefined) return skip()
    database = await server.openDatabase()
    login = await conditionLogin(database)
    conditions = login.open({ limitMs: LIMIT_MS })
  })

  afterEach(async () => {
    if (server === undefined) return
    await running?.stop()
    running = undefined
    await login.drop()
    await database.drop()
  })

  async function failure(text: string): Promise<Extract<ConditionResult, { kind: 'failed' }>> {
    const result = await conditions.evaluate(text)
    if (result.kind !== 'failed') throw new Error(`${text} gave ${String(result.holds)}`)
    return result
  }

  it('hold where their first value is true, not 0, or a row is there', async () => {
    await insertSchedule(database, 'a')
    const holding = [
      'true',
      '1 = 1',
      '-0.5',
      'SELECT 2, 0',
      `SELECT id FROM jobs WHERE id = 'a'`,
      `SELECT count(*) FROM jobs;`,
      `-- how many\n SELECT 1`,
      `/* a */ WITH x AS (SELECT 1 AS n) SELECT n FROM x`,
      `EXISTS (SELECT 1 FROM jobs) -- any`,
      `(SELECT count(*) FROM jobs) > 0`,
      sql(`SELECT '0.001'::numeric`, 'SELECT CAST(0.001 AS DECIMAL(10, 3))'),
      sql('SELECT 9007199254740993::bigint', 'SELECT CAST(9007199254740993 AS SIGNED)'),
      sql('SELECT now()', `SELECT b'01'`),
    ]
    const failing = [
      'false',
      'NULL',
      '0',
      'SELECT 0, 1',
      `SELECT id FROM jobs WHERE id = 'b'`,
      'SELECT NULL',
      `SELECT count(*) FROM jobs WHERE id = 'b'`,
      'SELECT max(priority) > 5 FROM jobs',
      sql('SELECT 0.00::numeric', 'SELECT CAST(0 AS DECIMAL(10, 3))'),
      sql('SELECT false', 'SELECT CAST(0 AS DOUBLE)'),
    ]
    for (const text of holding) {
      expect(await conditions.evaluate(text), text).toEqual({ kind: 'answered', holds: true })
    }
    for (const text of failing) {
      expect(await conditions.evaluate(text), text).toEqual({ kind: 'answered', holds: false })
    }
  })

  it('write nothing, whatever they try', async () => {
    await insertSchedule(database, 'a')
    const hostile = [
      `DELETE FROM jobs`,
      `SELECT 1; DELETE FROM jobs`,
      `true); DELETE FROM jobs; SELECT (1`,
      `COMMIT`,
      `SELECT * FROM jobs FOR UPDATE`,
      `INSERT INTO jobs (name, handler) VALUES ('x', 'y')`,
      ...(isMariadb
        ? [
            `SELECT * FROM jobs INTO OUTFILE '/tmp/crossdock-condition'`,
            `SELECT 1 INTO DUMPFILE '/tmp/crossdock-condition'`,
            `SET STATEMENT max_statement_time = 0 FOR SELECT 1`,
            `SELECT authentication_string FROM mysql.user`,
          ]
        : [
            `WITH gone AS (DELETE FROM jobs RETURNING 1) SELECT 1 FROM gone`,
            `SELECT set_config('transaction_read_only', 'off', true), lo_create(0)`,
            `SELECT set_config('role', 'postgres', true)`,
            `SELECT 1 INTO copied`,
            `SELECT pg_read_file('/etc/hostname')`,
            `SELECT lo_import('/etc/hostname')`,
            `DO $$ BEGIN LOOP END LOOP; END $$`,
            `COPY jobs TO PROGRAM 'touch /tmp/crossdock-condition'`,
            `SET ROLE postgres`,
          ]),
    ]
    for (const text of hostile) {
      expect(await failure(text), text).toMatchObject({ timedOut: false })
    }
    if (isMariadb) {
      // Without the right to files it gives null.
      const file = await conditions.evaluate(`SELECT LOAD_FILE('/etc/hostname')`)
      expect(file).toEqual({ kind: 'answered', holds: false })
    }
    expect(await scheduleRow(database, 'a')).toMatchObject({ handler: 'test.handler' })
    expect(await database.sql('SELECT count(*) AS n FROM jobs')).toHaveLength(1)
  })

  it('are cut off by our clock, and taken for true by nobody', async () => {
    const endless = isMariadb
      ? [
          'SELECT SLEEP(60)',
          'SLEEP(60) OR true',
          'SELECT BENCHMARK(100000000000, MD5(1))',
          'SELECT count(*) FROM information_schema.collations a, information_schema.collations b, information_schema.collations c, information_schema.collations d',
        ]
      : [
          'SELECT pg_sleep(60)',
          `SELECT set_config('statement_timeout', '0', true), pg_sleep(60)`,
          'WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n FROM r) SELECT count(*) FROM r',
        ]
    for (const text of endless) {
      const from = performance.now()
      expect(await failure(text), text).toEqual({
        kind: 'failed',
        reason: 'it took longer than 0.8 s',
        timedOut: true,
      })
      expect(performance.now() - from).toBeLessThan(LIMIT_MS + 1_500)
    }
    // And the server does not work on for nobody.
    await until(async () => (await login.busy()) === 0, 'no statement of theirs', 5_000)
  })

  it('that give more than an answer are broken off', async () => {
    const huge = sql(`SELECT repeat('x', 5000000)`, `SELECT REPEAT('x', 5000000)`)
    expect(await failure(huge)).toMatchObject({ timedOut: false })
  })

  it('hold no lock beyond their limit, and keep no other schedule waiting', async () => {
    for (let number = 0; number < 8; number += 1) {
      await insertSchedule(database, `slow${number}`, { intervalseconds: 1 })
    }
    await insertSchedule(database, 'plain', { intervalseconds: 1 })
    await insertSchedule(database, 'quick', { intervalseconds: 1 })
    const column = sql('condition', '`condition`')
    const lock = sql(
      `SELECT pg_advisory_lock(1), pg_sleep(60)`,
      `SELECT GET_LOCK('x', 60), SLEEP(60)`,
    )
    await database.sql(`UPDATE jobs SET ${column} = ? WHERE id LIKE 'slow%'`, [lock])
    await database.sql(`UPDATE jobs SET ${column} = 'SELECT 1' WHERE id = 'quick'`)
    const before = Date.now()
    const { scheduler } = await start()
    const ticks = async (id: string): Promise<number> => {
      const rows = await database.sql('SELECT id FROM queue_jobs WHERE scheduledjobid = ?', [id])
      return rows.length
    }
    await until(async () => (await ticks('plain')) >= 6, 'ticks of the plain one', 12_000)
    const seconds = (Date.now() - before) / 1_000
    expect(await ticks('plain')).toBeGreaterThanOrEqual(Math.floor(seconds) - 2)
    await until(async () => (await ticks('quick')) >= 3, 'ticks of the quick one', 8_000)
    const slow = await untilRow('slow0', 'the error', ({ lasterror }) => lasterror !== null)
    expect(slow).toMatchObject({
      lasterror: 'its condition failed: it took longer than 0.8 s',
      executioncount: 0,
      lastrunat: null,
    })
    expect(scheduler.statistics().failures).toBe(0)
  }, 30_000)

  it('move the next tick alone while they do not hold, and fire when they do', async () => {
    await insertSchedule(database, 's', { intervalseconds: 1, maxexecutions: 2 })
    const column = sql('condition', '`condition`')
    await database.sql(`UPDATE jobs SET ${column} =
      'SELECT 1 FROM queue_jobs WHERE handler = ''opens''' WHERE id = 's'`)
    await start()
    const first = await untilRow('s', 'a tick', ({ nextrunat }) => nextrunat !== null)
    const later = await untilRow('s', 'the tick after', ({ nextrunat }) => {
      return Number(nextrunat) >= Number(first['nextrunat']) + 2_000
    })
    expect(later).toMatchObject({ executioncount: 0, lastrunat: null, lasterror: null })
    await database.sql(`INSERT INTO queue_jobs (handler) VALUES ('opens')`)
    await untilRow('s', 'both ticks', ({ executioncount }) => executioncount === 2)
    await database.sql(
      `UPDATE jobs SET maxexecutions = 0, ${column} = 'no_such_column' WHERE id = 's'`,
    )
    const wrong = await untilRow('s', 'the error', ({ lasterror }) => lasterror !== null)
    expect(wrong['lasterror']).toMatch(/its condition failed: .*no_such_column/)
    await until(async () => {
      const store = database.openStore()
      try {
        const { inError } = await store.schedules.overview({ errors: 5 })
        return inError.some(({ id }) => id === 's')
      } finally {
        await store.close()
      }
    }, 'the overview')
    await database.sql(`UPDATE jobs SET ${column} = 'true' WHERE id = 's'`)
    await untilRow('s', 'no error', (row) => {
      return row['lasterror'] === null && Number(row['executioncount']) > 2
    })
  })

  it('do not run with a login that can write, nor without one', async () => {
    const writes = login.open({ limitMs: LIMIT_MS, asOwner: true })
    const result = await writes.evaluate('true')
    expect(result).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('must be able to SELECT and nothing else') as string,
    })
    const unsafe = login.open({ limitMs: LIMIT_MS, asOwner: true, unsafe: true })
    expect(await unsafe.evaluate('true')).toEqual({ kind: 'answered', holds: true })
    expect(await unsafe.evaluate(`SELECT 1; DELETE FROM jobs`)).toMatchObject({ kind: 'failed' })
    await insertSchedule(database, 's', { intervalseconds: 1 })
    await database.sql(`UPDATE jobs SET ${sql('condition', '`condition`')} = 'true'`)
    running = await startScheduler(database.openStore(), { checkIntervalMs: 400 })
    const row = await untilRow('s', 'the error', ({ lasterror }) => lasterror !== null)
    expect(row['lasterror']).toContain('no login for conditions')
  })

  async function start(): Promise<RunningScheduler> {
    const started = await startScheduler(database.openStore(), { checkIntervalMs: 400, conditions })
    running = started
    return started
  }

  const untilRow = (id: string, what: string, test: (row: Row) => boolean): Promise<Row> =>
    until(
      async () => {
        const row = await scheduleRow(database, id)
        return test(row) && row
      },
      `${what} of ${id}`,
      15_000,
    )
})
