import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findPostmaster } from '../../src/embedded-postgres/postmaster-file.ts'
import { post, send, untilCompleted, untilJob } from './http-client.ts'
import {
  exampleConfiguration,
  makeFolder,
  paste,
  runCommand,
  startProgram,
  type RunningProgram,
  type TestFolder,
} from './program.ts'
import { homeSql } from './home-sql.ts'

let home: TestFolder
let program: RunningProgram
/** A job that later starts must still have. */
let firstJob: string

async function postmasterPid(): Promise<number | undefined> {
  return (await findPostmaster(path.join(home.folder, 'data/postgresql')))?.pid
}

beforeAll(async () => {
  home = await makeFolder(() => exampleConfiguration())
  program = await startProgram(home)
})

afterAll(async () => {
  if (program.isRunning()) await program.stop()
  await home.remove()
})

describe('crossdock start', () => {
  it('prints commands that work when they are pasted', async () => {
    const lines = program
      .out()
      .split('\n')
      .filter((line) => /^ {2}(curl|npx) /.test(line))
    expect(lines).toHaveLength(4)
    const [curl = '', status = '', schedule = '', sql = ''] = lines
    expect(schedule).toContain('insert into jobs')
    const posted = await paste(curl)
    expect(posted.code).toBe(0)
    expect(posted.out).toContain('HTTP/1.1 202 Accepted')
    const id = /"id":"([^"]+)"/.exec(posted.out)?.[1] ?? ''
    await untilCompleted(program.url, id)
    // The line says what stands for ID.
    expect(status).toContain('# ID: the id in the answer above')
    const asked = await paste(status.replace('/ID/', `/${id}/`))
    expect(JSON.parse(asked.out)).toMatchObject({
      id,
      job_id: id,
      status: 'completed',
      percentage: 100,
      result: { greeting: 'Hello, Ada' },
    })
    const selected = await paste(sql)
    expect(selected.code, selected.err).toBe(0)
    expect(selected.out).toContain('examples.hello')
    expect(selected.out).toContain('Hello, Ada')
  })

  it('takes a message in, runs it, and keeps its history', async () => {
    const accepted = await post(`${program.url}/in/hello`, { name: 'Grace' })
    expect(accepted.status).toBe(202)
    firstJob = String(accepted.body['id'])
    expect(accepted.body).toEqual({ id: firstJob, job_id: firstJob, status: 'pending' })
    expect(accepted.headers.get('location')).toBe(`/api/jobs/${firstJob}`)
    const job = await untilCompleted(program.url, firstJob)
    expect(job).toMatchObject({
      handler: 'examples.hello',
      type: 'integration',
      protocol: 'http',
      direction: 'inbound',
      method: 'POST',
      payload: { name: 'Grace' },
      result: { greeting: 'Hello, Grace' },
      attempts: 1,
      error: null,
    })
    const history = await send(`${program.url}/api/jobs/${firstJob}/history`)
    expect(history.status).toBe(200)
    expect(history.body['data']).toMatchObject([{ status: 'completed' }])
  })

  it('makes one job of one idempotency key, also of many at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        post(`${program.url}/in/hello`, { name: 'Once' }, { 'idempotency-key': 'once' }),
      ),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
    expect(new Set(answers.map(({ body }) => body['id'])).size).toBe(1)
    const again = await post(
      `${program.url}/in/hello`,
      { name: 'Twice' },
      { 'idempotency-key': 'once' },
    )
    expect(again.status).toBe(409)
    expect(again.body).toMatchObject({ code: 'idempotency_conflict', id: answers[0]?.body['id'] })
    const job = await untilCompleted(program.url, String(again.body['id']))
    expect(job).toMatchObject({ result: { greeting: 'Hello, Once' } })
  })

  it('shows the progress of a job that runs', async () => {
    const { body } = await post(`${program.url}/in/slow`, { steps: 20, step_ms: 50 })
    const id = String(body['id'])
    const seen = await untilJob(program.url, id, (job) => {
      const { current } = job['progress'] as { current: number }
      return job['status'] === 'processing' && current > 0
    })
    expect(seen['progress']).toMatchObject({ total: 20 })
    expect((seen['progress'] as { message: string }).message).toMatch(/^step \d+ of 20$/)
    const done = await untilCompleted(program.url, id)
    expect(done['progress']).toMatchObject({ current: 20, total: 20, percentage: 100 })
  })

  it('fires a schedule that crossdock sql has inserted, and says so in its status', async () => {
    const inserted = await runCommand([
      ...['sql', '--config', home.config],
      `INSERT INTO jobs (id, name, handler, cronexpression, payload, maxexecutions) VALUES
        ('e2e', 'Every second, twice', 'examples.hello', '* * * * * *', '{"name":"Clock"}', 2),
        ('bad', 'Never', 'examples.hello', '61 * * * *', NULL, 0)`,
    ])
    expect(inserted.code, inserted.err).toBe(0)
    const rows = `SELECT j.typeid, j.statusid, j.result, s.executioncount FROM queue_jobs j
      JOIN jobs s ON s.id = j.scheduledjobid ORDER BY j.scheduledfor`
    await expect
      .poll(() => homeSql(home, rows), { timeout: 20_000 })
      .toEqual(
        Array.from({ length: 2 }, () => ({
          typeid: 1,
          statusid: 3,
          result: '{"greeting":"Hello, Clock"}',
          executioncount: 2,
        })),
      )
    const { body } = await send(`${program.url}/status`)
    expect(body['scheduler']).toEqual({
      running: true,
      fired: 2,
      // Of the program's own.
      next_due_at: expect.any(String) as unknown,
      in_error: [
        { id: 'bad', name: 'Never', last_error: expect.stringContaining('61 * * * *') as unknown },
      ],
    })
    const health = await send(`${program.url}/health`)
    expect(health.body).toMatchObject({ components: { scheduler: { status: 'ok' } } })
  })

  it('takes a job by POST /api/jobs', async () => {
    const accepted = await post(`${program.url}/api/jobs`, {
      handler: 'examples.hello',
      payload: { name: 'Edsger' },
      priority: 3,
    })
    expect(accepted.status).toBe(202)
    const job = await untilCompleted(program.url, String(accepted.body['id']))
    expect(job).toMatchObject({
      type: 'manual',
      priority: 3,
      result: { greeting: 'Hello, Edsger' },
    })
  })

  it('runs a row that somebody inserts by crossdock sql', async () => {
    const inserted = await runCommand([
      'sql',
      '--config',
      home.config,
      '--json',
      `INSERT INTO queue_jobs (handler, payload)
       VALUES ('examples.hello', '{"name":"SQL"}') RETURNING id`,
    ])
    expect(inserted.code, inserted.err).toBe(0)
    const { rows } = JSON.parse(inserted.out) as { rows: { id: string }[] }
    const job = await untilCompleted(program.url, rows[0]?.id ?? '')
    expect(job).toMatchObject({ result: { greeting: 'Hello, SQL' } })
  })

  it.each([
    ['malformed JSON', '/in/hello', '{"name":', {}, 400, 'malformed_json'],
    ['an empty body', '/in/hello', '', {}, 400, 'empty_body'],
    [
      'an empty idempotency key',
      '/in/hello',
      '{}',
      { 'idempotency-key': '' },
      400,
      'invalid_idempotency_key',
    ],
    ['a path that is nobody’s', '/in/nowhere', '{}', {}, 404, 'not_found'],
    [
      'a body that is too large',
      '/in/hello',
      `{"name":"${'x'.repeat(70_000)}"}`,
      {},
      413,
      'payload_too_large',
    ],
    [
      'another media type',
      '/in/hello',
      'name=Ada',
      { 'content-type': 'text/plain' },
      415,
      'unsupported_media_type',
    ],
    ['an invalid input', '/in/hello', '{"name":""}', {}, 422, 'input_invalid'],
    [
      'a job of an invalid input',
      '/api/jobs',
      '{"handler":"examples.hello","payload":{}}',
      {},
      422,
      'input_invalid',
    ],
    ['a job without a handler', '/api/jobs', '{}', {}, 422, 'input_invalid'],
  ])(
    'answers %s with a problem, and stores nothing',
    async (_, where, body, headers, status, code) => {
      const count = async (): Promise<unknown> =>
        (await homeSql(home, 'SELECT count(*) AS n FROM queue_jobs'))[0]
      const before = await count()
      const answer = await post(`${program.url}${where}`, body, headers)
      expect(answer.status).toBe(status)
      expect(answer.headers.get('content-type')).toContain('application/problem+json')
      expect(answer.body).toMatchObject({ status, code })
      expect(await count()).toEqual(before)
    },
  )

  it('answers for a job that is not there with 404', async () => {
    for (const part of ['', '/status', '/history']) {
      const answer = await send(`${program.url}/api/jobs/none${part}`)
      expect(answer).toMatchObject({ status: 404, body: { code: 'job_not_found' } })
    }
  })

  it('says how it is', async () => {
    expect(await send(`${program.url}/livez`)).toMatchObject({ status: 200 })
    expect(await send(`${program.url}/readyz`)).toMatchObject({ status: 200 })
    expect(await send(`${program.url}/health`)).toMatchObject({
      status: 200,
      body: { status: 'ok' },
    })
    expect(await send(`${program.url}/status`)).toMatchObject({
      status: 200,
      body: {
        status: 'ok',
        handlers: [
          'examples.heartbeat',
          'examples.hello',
          'examples.slow',
          'system.health',
          'system.retention',
          'system.retry-failed',
        ],
      },
    })
  })

  it('lets the other commands work on its database while it runs', async () => {
    const pid = await postmasterPid()
    const check = await runCommand(['check', '--connect', '--config', home.config])
    expect(check.code, check.err).toBe(0)
    expect(check.out).toContain('ok       database')
    const migrate = await runCommand(['migrate', '--config', home.config])
    expect(migrate.code, migrate.err).toBe(0)
    const print = await runCommand(['print-config', '--config', home.config])
    expect(print.code, print.err).toBe(0)
    expect(print.out).toContain('"workers": 5')
    const select = await runCommand(['sql', '--config', home.config, 'SELECT 6 * 7 AS answer'])
    expect(select.out).toContain('42')
    const broken = await runCommand(['sql', '--config', home.config, 'SELECT nonsense'])
    expect(broken.code).toBe(1)
    // None of them ended the server that the instance uses.
    expect(await postmasterPid()).toBe(pid)
    expect(await send(`${program.url}/readyz`)).toMatchObject({ status: 200 })
  })

  it('says of a taken port which variable to set, and ends without harm to the one that runs', async () => {
    const { port } = new URL(program.url)
    const second = await runCommand(['start', '--config', home.config], { TEST_HTTP_PORT: port })
    expect(second.code).toBe(1)
    expect(second.err).toContain('TEST_HTTP_PORT')
    expect(second.err).toContain(port)
    expect(await send(`${program.url}/readyz`)).toMatchObject({ status: 200 })
  })

  it('ends with SIGINT: running jobs finish, the exit code is 0, and no server is left', async () => {
    const pid = await postmasterPid()
    expect(pid).toBeDefined()
    const { body } = await post(`${program.url}/in/slow`, { steps: 5, step_ms: 200 })
    await untilJob(program.url, String(body['id']), (job) => job['status'] === 'processing')
    const ended = await program.stop()
    expect(ended).toMatchObject({ code: 0, signal: null })
    expect(ended.err).toContain('Stopped.')
    expect(await postmasterPid()).toBeUndefined()
    program = await startProgram(home, { args: ['--port', '0'] })
    const job = await send(`${program.url}/api/jobs/${String(body['id'])}`)
    expect(job.body).toMatchObject({ status: 'completed', attempts: 1 })
  })

  it('has every job still after it was started again', async () => {
    const { body } = await send(`${program.url}/api/jobs/${firstJob}`)
    expect(body).toMatchObject({ status: 'completed', result: { greeting: 'Hello, Grace' } })
    const again = await post(
      `${program.url}/in/hello`,
      { name: 'Once' },
      { 'idempotency-key': 'once' },
    )
    expect(await untilCompleted(program.url, String(again.body['id']))).toMatchObject({
      result: { greeting: 'Hello, Once' },
    })
  })

  it('that was killed is started again on the server that it left, and goes on with its jobs', async () => {
    const pid = await postmasterPid()
    const { body } = await post(`${program.url}/in/slow`, { steps: 30, step_ms: 300 })
    const id = String(body['id'])
    // Its begin is in writing: the execution counts.
    await untilJob(program.url, id, (job) => job['started_at'] !== null)
    await program.kill()
    expect(await postmasterPid()).toBe(pid)
    program = await startProgram(home)
    expect(await postmasterPid()).toBe(pid)
    // Its attempt counts, and the next one waits for 30 s.
    const job = await untilJob(program.url, id, ({ status }) => status === 'retrying')
    expect(job).toMatchObject({ error: expect.stringContaining('died') as unknown })
    const quick = await post(`${program.url}/in/hello`, { name: 'After' })
    await untilCompleted(program.url, String(quick.body['id']))
    const ended = await program.stop()
    expect(ended.code).toBe(0)
    expect(await postmasterPid()).toBeUndefined()
  })

  it('ends with its embedded server when that dies, says so, and can be started again', async () => {
    program = await startProgram(home)
    const { body } = await post(`${program.url}/in/slow`, { steps: 100, step_ms: 100 })
    await untilJob(program.url, String(body['id']), (job) => job['status'] === 'processing')
    process.kill((await postmasterPid()) ?? 0, 'SIGKILL')
    const ended = await program.ended
    expect(ended).toMatchObject({ code: 1, signal: null })
    expect(ended.err).toMatch(/embedded (PostgreSQL|database)/i)
    program = await startProgram(home)
    const next = await post(`${program.url}/in/hello`, { name: 'Again' })
    await untilCompleted(program.url, String(next.body['id']))
    expect((await program.stop()).code).toBe(0)
  })
})
