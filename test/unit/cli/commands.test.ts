import { expect, test } from 'vitest'
import { CrossdockError } from '../../../src/domain/errors.ts'
import { run, runWords } from './test-terminal.ts'

const subscribed = `{ "jobs": { "handlers": ["h"] }, "integrations": { "http": { "subscriptions": [
  { "name": "a", "path": "/in/a", "handler": "a.handle" } ] } } }`

test('migrate says what it applied, and --dry-run what it would', async () => {
  const application = {
    migrateDatabase: async (_configuration: object, { dryRun }: { dryRun: boolean }) =>
      dryRun ? { applied: [], pending: ['0002_b'] } : { applied: ['0002_b'], pending: [] },
  }
  expect((await run('migrate', { application })).stdout).toBe('applied  0002_b')
  expect((await run('migrate --dry-run', { application })).stdout).toBe('pending  0002_b')
})

test('check reports the handlers and the subscriptions that are at-least-once', async () => {
  const application = { loadHandlerFolders: async () => ({ names: ['a.handle'] }) }
  const { exitCode, stdout } = await run('check', { configuration: subscribed, application })
  expect(exitCode).toBe(0)
  expect(stdout).toContain('ok       handlers: a.handle')
  expect(stdout).toContain('http:a is at-least-once')
})

test('check reports everything that is wrong beyond the file at once', async () => {
  const application = {
    loadHandlerFolders: async () => ({ names: [] }),
    probeConnections: async () => [
      { name: 'database', ok: false as const, reason: 'Nobody answers.', advice: 'Start it.' },
      { name: 'redis a:6379', ok: false as const, reason: 'WRONGPASS', advice: 'Log in.' },
    ],
  }
  const { exitCode, stderr } = await run('check --connect', {
    configuration: subscribed,
    application,
  })
  expect(exitCode).toBe(1)
  expect(stderr).toContain('http:a names the handler a.handle')
  expect(stderr).toMatch(/^failed {3}database: .*: Nobody answers\.\n +Start it\.$/m)
  expect(stderr).toContain('failed   redis a:6379: WRONGPASS\n         Log in.')
})

test('check --connect says what answered, and what is worth knowing', async () => {
  const application = {
    loadHandlerFolders: async () => ({ names: [] }),
    probeConnections: async () => [
      { name: 'database', ok: true as const, facts: 'PostgreSQL 15', notes: ['pending: 0001_a'] },
    ],
  }
  const { exitCode, stdout } = await run('check --connect', { application })
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(/^ok {7}database: .* \(PostgreSQL 15\)$/m)
  expect(stdout).toContain('note     database: pending: 0001_a')
})

test('sql prints an aligned table, and the lines of psql for what gives no rows', async () => {
  const application = {
    runSql: async () => ({
      results: [
        { command: 'INSERT', rowCount: 1, columns: [], rows: [] },
        { command: 'CREATE TABLE', rowCount: null, columns: [], rows: [] },
        {
          command: 'SELECT',
          rowCount: 2,
          columns: ['name', 'n', 'facts'],
          rows: [
            ['Ada\n', 1, { a: [1] }],
            ['Grace Hopper', 23, null],
          ],
        },
      ],
    }),
  }
  const { exitCode, stdout } = await runWords(['sql', 'select 1'], { application })
  expect(exitCode).toBe(0)
  expect(stdout).toBe(
    [
      'INSERT 0 1',
      'CREATE TABLE',
      ' name         |  n | facts',
      '--------------+----+-----------',
      ' Ada\\n        |  1 | {"a":[1]}',
      ' Grace Hopper | 23 |',
      '(2 rows)',
    ].join('\n'),
  )
})

test('sql --json prints one object a statement', async () => {
  const when = new Date('2026-01-02T03:04:05Z')
  const application = {
    runSql: async () => ({
      results: [{ command: 'SELECT', rowCount: 1, columns: ['id', 'at'], rows: [[1n, when]] }],
    }),
  }
  const { stdout } = await runWords(['sql', '--json', 'select 1'], { application })
  expect(JSON.parse(stdout)).toEqual({
    command: 'SELECT',
    row_count: 1,
    rows: [{ id: '1', at: '2026-01-02T03:04:05.000Z' }],
  })
})

test.each([
  ['relation "queue_jobs" does not exist', '42P01', true],
  ["Table 'app.job_histories' doesn't exist", '42S02', true],
  ['relation "orders" does not exist', '42P01', false],
])('sql on a missing table (%s) says when to migrate', async (message, sqlstate, isOurs) => {
  const application = {
    runSql: async () => {
      throw new CrossdockError('database_error', message, { details: { sqlstate } })
    },
  }
  const { exitCode, stderr } = await run('sql x', { application })
  expect(exitCode).toBe(1)
  expect(stderr).toContain(message)
  expect(stderr.includes('run `crossdock migrate`')).toBe(isOurs)
})

test('sql reads standard input where no statement is given, and refuses to run nothing', async () => {
  const seen: string[] = []
  const application = {
    runSql: async (_configuration: object, text: string) => {
      seen.push(text)
      return { results: [] }
    },
  }
  expect((await run('sql', { application, input: 'select 2' })).exitCode).toBe(0)
  expect(seen).toEqual(['select 2'])
  expect(await run('sql', { application })).toMatchObject({ exitCode: 2 })
})

test('print-config prints JSON on standard output and the file on standard error', async () => {
  const { stdout, stderr } = await run('print-config')
  expect(JSON.parse(stdout)).toMatchObject({ http: { port: 8080 } })
  expect(stderr).toMatch(/^# .*configuration\.json$/)
})

test('print-schema prints a JSON Schema with the options of the adapters', async () => {
  const { stdout } = await run('print-schema')
  expect(JSON.parse(stdout)).toMatchObject({
    $schema: expect.any(String) as unknown,
    type: 'object',
  })
  expect(stdout).toContain('"Where requests come in."')
})

test('what has no effect is warned of on standard error', async () => {
  const { stderr } = await run('print-config', {
    configuration: '{ "jobs": { "use_redis": true } }',
  })
  expect(stderr).toContain("warning: 'jobs.use_redis' has no effect")
})
