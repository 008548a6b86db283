import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import type { PauseChange } from '../../../src/ports/pauses.ts'
import { run, runWords } from './test-terminal.ts'

const configuration = JSON.stringify({
  jobs: { queues: { mail: {}, resting: { paused: true } } },
  integrations: {
    http: { subscriptions: [{ name: 'orders', path: '/in/orders', handler: 'h' }] },
  },
})

const changedOn = new Date('2026-11-22T10:00:00Z')

/** The application, with what it was asked to write. */
function application() {
  const changes: PauseChange[] = []
  return {
    changes,
    changePause: async (_: unknown, change: PauseChange) => {
      changes.push(change)
      return { ...change, changedOn }
    },
    listPauses: async () => ({
      records: [
        { address: 'http:orders', paused: true, changedBy: 'ada', changedOn, reason: 'it moves' },
        { address: 'queue:mail', paused: true, changedBy: 'bob', changedOn, reason: null },
      ],
      queues: [{ queue: 'default' }],
    }),
  }
}

test('queues and integrations are paused and resumed in the database', async () => {
  const app = application()
  const words = ['queues', 'pause', 'mail', '--reason', 'it moves']
  const paused = await runWords(words, { configuration, application: app })
  expect(paused).toMatchObject({ exitCode: 0, stdout: 'paused  mail' })
  const resumed = await run('integrations resume http:orders', { configuration, application: app })
  expect(resumed).toMatchObject({ exitCode: 0, stdout: 'resumed  http:orders' })
  expect(app.changes).toMatchObject([
    { address: 'queue:mail', paused: true, reason: 'it moves' },
    { address: 'http:orders', paused: false, reason: null },
  ])
  expect(app.changes[0]?.changedBy).toMatch(/^cli ./)
})

test('an address that is none changes nothing', async () => {
  const app = application()
  const { exitCode, stderr } = await run('integrations pause http:order', {
    configuration,
    application: app,
  })
  expect(exitCode).not.toBe(0)
  expect(stderr).toContain('there are: http:orders')
  expect(app.changes).toEqual([])
})

test('lists say who paused what, and why', async () => {
  const surroundings = { configuration, application: application() }
  expect((await run('queues list', surroundings)).stdout.split('\n')).toEqual([
    'open    default',
    'paused  mail     by bob, since 2026-11-22T10:00:00.000Z',
    'paused  resting  configuration',
  ])
  const json = await run('integrations list --json', surroundings)
  expect(JSON.parse(json.stdout)).toEqual({
    name: 'http:orders',
    paused: true,
    by: 'ada',
    on: changedOn.toISOString(),
    reason: 'it moves',
  })
})

test('with --url a running instance is asked, and no configuration is needed', async () => {
  const asked: string[] = []
  const url = await serve((method, path, body) => {
    asked.push(`${method} ${path} ${body}`)
    if (path === '/api/queues') {
      return [200, { data: [{ name: 'mail', pause: { on: null, by: 'http', reason: null } }] }]
    }
    return path.includes('no') ? [404, { detail: 'There is no such thing.' }] : [200, {}]
  })
  const broken = { configuration: '{' }
  expect((await run(`queues list --url ${url}`, broken)).stdout).toBe('paused  mail  by http')
  await run(`integrations pause http:orders --reason x --url ${url}`, broken)
  const missing = await run(`integrations resume http:no --url ${url}`, broken)
  expect(missing.stderr).toContain('answered 404: There is no such thing.')
  expect(asked).toEqual([
    'GET /api/queues ',
    'POST /api/integrations/http%3Aorders/pause {"reason":"x"}',
    'POST /api/integrations/http%3Ano/resume {}',
  ])
  expect((await run('queues list --url http://127.0.0.1:1', broken)).exitCode).not.toBe(0)
  expect((await run('queues list --url nonsense', broken)).stderr).toContain('is no address')
})

type Answering = (method: string, path: string, body: string) => readonly [number, object]

/** A server that answers JSON. */
async function serve(answer: Answering): Promise<string> {
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const [status, json] = answer(request.method ?? '', request.url ?? '', body)
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(json))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
