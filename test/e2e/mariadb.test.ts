import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createMariadbDatabase, startMariadb } from '../services/mariadb.ts'
import type { MariadbService } from '../services/mariadb-service.ts'
import { startOrSkip } from '../services/require.ts'
import { homeSql } from './home-sql.ts'
import { post, send, untilCompleted, untilJob } from './http-client.ts'
import {
  exampleConfiguration,
  makeFolder,
  runCommand,
  startProgram,
  type RunningProgram,
  type TestFolder,
} from './program.ts'

let service: MariadbService | undefined
let home: TestFolder | undefined
let program: RunningProgram | undefined
let firstJob = ''

beforeAll(async () => {
  service = await startOrSkip('mariadb', () => startMariadb())
  if (service === undefined) return
  const url = await createMariadbDatabase(service)
  const base = exampleConfiguration({ database: { url }, logging: { format: 'json' } })
  const often = { poll_interval: '250ms', scheduler_check_interval: '250ms' }
  const jobs = { ...(base['jobs'] as object), ...often }
  home = await makeFolder(() => ({ ...base, jobs }))
})

afterAll(async () => {
  if (program?.isRunning()) await program.stop()
  await home?.remove()
  await service?.stop()
})

interface SqlResult {
  readonly row_count: number | null
  readonly rows: readonly Record<string, unknown>[]
}

async function sql(text: string, folder = home!): Promise<readonly SqlResult[]> {
  const { code, out, err } = await runCommand(['sql', '--json', '--config', folder.config, text])
  if (code !== 0) throw new Error(err)
  return out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as SqlResult)
}

describe('the program on a MariaDB', () => {
  it('says what is pending, makes its tables, and shows the database without its password', async ({
    skip,
  }) => {
    if (home === undefined) return skip()
    const before = await runCommand(['check', '--connect', '--config', home.config])
    expect(before.err).toBe('')
    expect(before.out).toMatch(/ok {7}database: MySQL or MariaDB at \S+\/test_/)
    expect(before.out).toContain('pending migrations: 0001_tables')
    program = await startProgram(home)
    expect(program.out()).toMatch(/database +MySQL or MariaDB at /)
    const status = await send(`${program.url}/status`)
    expect(status.body['database']).toMatchObject({
      type: 'mysql',
      status: 'ok',
      facts: { version: expect.stringMatching(/^MariaDB \d+\./) as unknown },
    })
  })

  it('takes a message in once, runs it, and keeps its history', async ({ skip }) => {
    if (program === undefined) return skip()
    const { url } = program
    const key = { 'idempotency-key': 'one' }
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => post(`${url}/in/hello`, { name: 'Grace' }, key)),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
    const ids = new Set(answers.map(({ body }) => String(body['id'])))
    expect(ids.size).toBe(1)
    firstJob = [...ids][0] ?? ''
    expect(await untilCompleted(url, firstJob)).toMatchObject({
      handler: 'examples.hello',
      type: 'integration',
      payload: { name: 'Grace' },
      result: { greeting: 'Hello, Grace' },
      attempts: 1,
    })
    const history = await send(`${url}/api/jobs/${firstJob}/history`)
    expect(history.body['data']).toMatchObject([{ status: 'completed' }])
  })

  it('fires a schedule that crossdock sql has inserted', async ({ skip }) => {
    if (program === undefined) return skip()
    await sql(`INSERT INTO jobs (id, name, handler, intervalseconds, payload, maxexecutions)
      VALUES ('e2e', 'Every second, twice', 'examples.hello', 1, '{"name":"Clock"}', 2)`)
    await expect
      .poll(
        () =>
          homeSql(home!, `SELECT statusid, result FROM queue_jobs WHERE scheduledjobid = 'e2e'`),
        { timeout: 20_000 },
      )
      .toEqual(
        Array.from({ length: 2 }, () => ({
          statusid: 3,
          result: '{"greeting":"Hello, Clock"}',
        })),
      )
  })

  it('takes a job by HTTP, and one by a plain INSERT of crossdock sql', async ({ skip }) => {
    if (program === undefined) return skip()
    const { url } = program
    const made = await post(`${url}/api/jobs`, {
      handler: 'examples.hello',
      payload: { name: 'Ada' },
      metadata: { a: [1] },
    })
    expect(await untilCompleted(url, String(made.body['id']))).toMatchObject({
      metadata: { a: [1] },
      result: { greeting: 'Hello, Ada' },
    })
    const results = await sql(
      `INSERT INTO queue_jobs (handler, payload, dedupekey) VALUES ('examples.hello', '{"name":"a;b"}', 'sql');
       -- one; more
       SELECT id, seq, createdon FROM queue_jobs WHERE dedupekey = 'sql'; SET @x = 1`,
    )
    expect(results).toMatchObject([
      { command: 'INSERT', row_count: 1, rows: [] },
      {
        command: 'SELECT',
        row_count: 1,
        rows: [{ seq: expect.any(Number) as unknown, createdon: expect.any(String) as unknown }],
      },
      { command: 'SET', row_count: null },
    ])
    const row = results[1]?.rows[0]
    expect(Math.abs(Date.parse(String(row?.['createdon'])) - Date.now())).toBeLessThan(60_000)
    expect(await untilCompleted(url, String(row?.['id']))).toMatchObject({
      result: { greeting: 'Hello, a;b' },
    })
  })

  it('runs statements of one text in one transaction, and says what is wrong', async ({ skip }) => {
    if (program === undefined || home === undefined) return skip()
    const text = `UPDATE queue_jobs SET name = 'x'; SELECT * FROM nowhere`
    const { code, err } = await runCommand(['sql', '--config', home.config, text])
    expect(code).toBe(1)
    expect(err).toContain('nowhere')
    const [left] = await sql(`SELECT count(*) AS n FROM queue_jobs WHERE name = 'x'`)
    expect(left?.rows).toEqual([{ n: 0 }])
    const table = await runCommand(['sql', '--config', home.config, 'select 1 as one'])
    expect(table.out).toBe(' one\n-----\n   1\n(1 row)\n')
  })

  it('takes the INSERTs of docs/sql.md, each as often as they say', async ({ skip }) => {
    if (program === undefined) return skip()
    const page = await readFile(path.resolve(import.meta.dirname, '../../docs/sql.md'), 'utf8')
    const [text = ''] = /```sql\n([^]*?)```/
      .exec(page.split('## On MySQL and MariaDB')[1] ?? '')
      ?.slice(1) ?? ['']
    // A word that begins with dashes is an option to the command.
    const statements = ` ${text}`
    const inserted = async (): Promise<unknown> =>
      (await sql(statements)).map(({ row_count }) => row_count)
    expect(await inserted()).toEqual([1, 1, 100])
    expect(await inserted()).toEqual([1, 0, 100])
    const [later] = await sql(
      `SELECT count(*) AS n FROM queue_jobs WHERE statusid = 7
         AND scheduledat BETWEEN UTC_TIMESTAMP() + INTERVAL 8 MINUTE AND UTC_TIMESTAMP() + INTERVAL 11 MINUTE`,
    )
    expect(later?.rows).toEqual([{ n: 2 }])
  })

  it('ends with SIGTERM while a job runs, which finishes, and has everything after the next start', async ({
    skip,
  }) => {
    if (program === undefined || home === undefined) return skip()
    const { body } = await post(`${program.url}/in/slow`, { steps: 5, step_ms: 200 })
    const id = String(body['id'])
    await untilJob(program.url, id, (job) => job['status'] === 'processing')
    program.signal('SIGTERM')
    expect(await program.ended).toMatchObject({ code: 0, signal: null })
    program = await startProgram(home)
    const slow = await send(`${program.url}/api/jobs/${id}`)
    expect(slow.body).toMatchObject({ status: 'completed', attempts: 1 })
    const first = await send(`${program.url}/api/jobs/${firstJob}`)
    expect(first.body).toMatchObject({ status: 'completed', result: { greeting: 'Hello, Grace' } })
  })

  it('keeps its tables in another database where database.schema names one', async ({ skip }) => {
    if (home === undefined || service === undefined) return skip()
    const text = await readFile(home.config, 'utf8')
    const configuration = JSON.parse(text) as { database: object }
    const schema = `test_other_${process.pid}`
    const other = await makeFolder(() => ({
      ...configuration,
      database: { ...configuration.database, schema },
    }))
    try {
      const running = await startProgram(other)
      try {
        const { body } = await post(`${running.url}/in/hello`, { name: 'Elsewhere' })
        await untilCompleted(running.url, String(body['id']))
        const [jobs] = await sql('SELECT count(*) AS n, database() AS d FROM queue_jobs', other)
        expect(jobs?.rows).toEqual([{ n: 1, d: schema }])
      } finally {
        await running.stop()
        await sql(`DROP DATABASE ${schema}`, other)
      }
    } finally {
      await other.remove()
    }
  })
})
