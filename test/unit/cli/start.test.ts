import { expect, test } from 'vitest'
import { configurationFromObject } from '../../../src/config/load.ts'
import { CrossdockError } from '../../../src/domain/errors.ts'
import { mappingCheck } from '../../../src/expressions/check.ts'
import { httpAdapter } from '../config/load-from.ts'
import { instanceOf, run } from './test-terminal.ts'

const { configuration } = await configurationFromObject(
  {
    database: { url: 'postgresql://app:hunter2@db:5432/shop' },
    jobs: { handlers: ['handlers'], workers: 3, queues: { mail: { workers: 2, paused: true } } },
    integrations: {
      http: { subscriptions: [{ name: 'hello', path: '/in/hello', handler: 'examples.hello' }] },
    },
  },
  { adapters: [httpAdapter], mappingCheck, env: {}, directory: '/srv' },
)

test('start prints what runs and commands to paste, without passwords', async () => {
  // It ends by itself: what was printed before is all that matters here.
  const { stdout } = await run('start', {
    application: {
      startCrossdock: async () => instanceOf(configuration, { stopped: Promise.resolve() }),
    },
  })
  expect(stdout).toContain('is ready on http://127.0.0.1:8080')
  expect(stdout).toContain('PostgreSQL at app@db:5432/shop')
  expect(stdout).toContain('2 for mail (paused), 3 for every other queue')
  expect(stdout).toContain('http:hello  POST /in/hello → examples.hello')
  expect(stdout).toContain('at-least-once')
  expect(stdout).toMatch(/curl -i -X POST http:\/\/127\.0\.0\.1:8080\/in\/hello .*idempotency-key/)
  expect(stdout).toContain('/api/jobs/ID/status')
  expect(stdout).toContain('npx crossdock sql "select')
  expect(stdout).not.toContain('hunter2')
})

test('a signal shuts down gracefully, and says what it waits for', async () => {
  const reasons: (string | undefined)[] = []
  const { exitCode, stderr } = await run('start', {
    signals: ['SIGTERM'],
    application: {
      startCrossdock: async () => {
        const instance = instanceOf(configuration)
        return {
          ...instance,
          shutdown: async (reason) => {
            reasons.push(reason)
            await instance.shutdown()
          },
        }
      },
    },
  })
  expect(exitCode).toBe(0)
  expect(reasons).toEqual(['SIGTERM'])
  expect(stderr).toContain('waiting up to 30 s for handlers that run')
  expect(stderr).toContain('Stopped.')
})

test('a second Ctrl-C ends at once with 130', async () => {
  const { exitCode, stderr } = await run('start', {
    signals: ['SIGINT', 'SIGINT'],
    application: { startCrossdock: async () => instanceOf(configuration) },
  })
  expect(exitCode).toBe(130)
  expect(stderr).toContain('Ended at once')
})

test.each([
  ['embedded', {}, true],
  ['a server', { url: 'postgresql://db/shop' }, false],
])('says what a second Ctrl-C leaves behind: %s', async (_what, database, isEmbedded) => {
  const loaded = await configurationFromObject(
    { database },
    { adapters: [httpAdapter], mappingCheck, env: {}, directory: '/srv' },
  )
  const { stderr } = await run('start', {
    signals: ['SIGINT'],
    application: { startCrossdock: async () => instanceOf(loaded.configuration) },
  })
  expect(stderr).toContain('A second Ctrl-C ends at once')
  expect(stderr.includes('the embedded PostgreSQL then goes on')).toBe(isEmbedded)
})

test('a second SIGTERM changes nothing', async () => {
  const { exitCode } = await run('start', {
    signals: ['SIGTERM', 'SIGTERM'],
    application: { startCrossdock: async () => instanceOf(configuration) },
  })
  expect(exitCode).toBe(0)
})

test('an instance that ends by itself is a failure', async () => {
  const { exitCode } = await run('start', {
    application: {
      startCrossdock: async () => instanceOf(configuration, { stopped: Promise.resolve() }),
    },
  })
  expect(exitCode).toBe(1)
})

test('a port that is taken names the variable to set', async () => {
  const application = failsToListen('EADDRINUSE')
  const withVariable = await run('start', {
    application,
    configuration: '{ "http": { "port": "${CROSSDOCK_HTTP_PORT:8080}" } }',
  })
  expect(withVariable.exitCode).toBe(1)
  expect(withVariable.stderr).toContain('error: Cannot listen.\nSet CROSSDOCK_HTTP_PORT')
  expect(withVariable.stderr).toContain('CROSSDOCK_HTTP_PORT=8081')
  const without = await run('start', { application })
  expect(without.stderr).toContain('Change http.port in')
})

test('a port of --port that is taken is not advised again', async () => {
  const { exitCode, stderr } = await run('start --port 8081', {
    application: failsToListen('EADDRINUSE'),
    configuration: '{ "http": { "port": "${CROSSDOCK_HTTP_PORT:8080}" } }',
  })
  expect(exitCode).toBe(1)
  expect(stderr).toContain('error: Cannot listen.\nGive another one, such as --port 8082.')
})

test.each(['EADDRNOTAVAIL', 'EACCES', 'ENOTFOUND'])(
  'of %s nobody is told that the port was taken',
  async (reason) => {
    const { exitCode, stderr } = await run('start', { application: failsToListen(reason) })
    expect(exitCode).toBe(1)
    expect(stderr).toContain('error: Cannot listen.')
    expect(stderr).not.toMatch(/port/)
  },
)

test('the options reach the instance', async () => {
  let seen: object | undefined
  await run('start --only api,worker --queues mail,reports --port 0 --config x.json', {
    application: {
      startCrossdock: async (options) => {
        seen = options
        return instanceOf(configuration, { stopped: Promise.resolve() })
      },
    },
  })
  expect(seen).toEqual({
    config: 'x.json',
    only: ['api', 'worker'],
    queues: ['mail', 'reports'],
    port: 0,
    env: {},
  })
})

test.each([
  ['--only wroker', 'The parts are api, ingest, worker, scheduler'],
  ['--port 70000', 'from 0 to 65535'],
  ['--queues a,,b', 'commas between them'],
])('start %s is wrong usage', async (options, explanation) => {
  const { exitCode, stderr } = await run(`start ${options}`)
  expect(exitCode).toBe(2)
  expect(stderr).toContain(explanation)
})

function failsToListen(reason: string) {
  return {
    startCrossdock: () =>
      Promise.reject(
        new CrossdockError('http_listen_failed', 'Cannot listen.', { details: { reason } }),
      ),
  }
}
