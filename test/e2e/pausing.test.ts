import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PROGRAM_DATABASES, type ProgramDatabase } from '../services/program-database.ts'
import { type Answer, post, send, untilCompleted } from './http-client.ts'
import {
  EXAMPLES,
  exampleConfiguration,
  makeFolder,
  runCommand,
  type RunningProgram,
  startProgram,
  type TestFolder,
} from './program.ts'

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'

const PAUSE_ABOVE = 40
/** What others learn by an announcement, and what they find by looking. In milliseconds. */
const LEARNS_WITHIN = { PostgreSQL: 1_000, MariaDB: 5_000 } as const

const subscriptions = [
  {
    name: 'hello',
    path: '/in/hello',
    handler: 'examples.hello',
    backpressure: { pause_above: PAUSE_ABOVE, resume_below: 10 },
  },
  { name: 'other', path: '/in/other', handler: 'examples.hello', queue: 'other' },
]

describe.each(['PostgreSQL', 'MariaDB'] as const)('pausing on %s', (dialect) => {
  let database: ProgramDatabase | undefined
  let folder: TestFolder
  let programs: RunningProgram[] = []

  beforeEach(async ({ skip }) => {
    database = await PROGRAM_DATABASES[dialect]()
    if (database === undefined) return skip()
    const { url } = database
    folder = await makeFolder(() =>
      exampleConfiguration({
        database: { url },
        jobs: {
          workers: 5,
          handlers: [EXAMPLES],
          lease_seconds: 2,
          queues: { resting: { workers: 1, paused: true } },
        },
        integrations: { http: { subscriptions } },
      }),
    )
    programs = []
  })

  afterEach(async () => {
    await Promise.all(programs.map((program) => program.stop()))
    if (database === undefined) return
    await folder.remove()
    await database.stop()
  })

  async function start(): Promise<RunningProgram> {
    const program = await startProgram(folder)
    programs.push(program)
    return program
  }

  const hello = (program: RunningProgram, path = '/in/hello', filler = ''): Promise<Answer> =>
    post(`${program.url}${path}`, { name: 'Ada', filler })

  it('a subscription over HTTP is seen by other instances in a moment, and after a restart', async () => {
    const [one, two] = [await start(), await start()]
    const pause = `${one.url}/api/integrations/http:hello/pause`
    const paused = await post(pause, { reason: 'the plant moves' })
    expect(paused).toMatchObject({
      status: 200,
      body: { address: 'http:hello', paused: true, pause: { reason: 'the plant moves' } },
    })
    const refused = await hello(one)
    expect(refused).toMatchObject({ status: 503, body: { code: 'subscription_paused' } })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    await expect
      .poll(async () => (await hello(two)).status, {
        timeout: LEARNS_WITHIN[dialect],
        interval: 20,
      })
      .toBe(503)
    expect((await hello(two, '/in/other')).status).toBe(202)

    await one.stop()
    const three = await start()
    expect((await hello(three)).body['code']).toBe('subscription_paused')
    const shown = await send(`${three.url}/api/integrations`)
    expect(shown.body['subscriptions']).toMatchObject([
      { address: 'http:hello', closed: 'paused', pause: { by: 'http', reason: 'the plant moves' } },
      { address: 'http:other', closed: null, pause: null },
    ])
    expect(await post(`${three.url}/api/integrations/http:hello/resume`, '')).toMatchObject({
      status: 200,
      body: { paused: false, pause: null },
    })
    expect((await hello(three)).status).toBe(202)
    await expect
      .poll(async () => (await hello(two)).status, {
        timeout: LEARNS_WITHIN[dialect],
        interval: 20,
      })
      .toBe(202)
  })

  // What follows has no more to do with a dialect than the conformance suites show: MariaDB in the long form.
  it.skipIf(!LONG && dialect === 'MariaDB')(
    'a queue keeps its jobs waiting until it is resumed, also one that the configuration pauses',
    async () => {
      const program = await start()
      const add = (queue: string): Promise<Answer> =>
        post(`${program.url}/api/jobs`, {
          handler: 'examples.hello',
          queue,
          payload: { name: 'Ada' },
        })
      const resting = await add('resting')
      const paused = await runCommand(['queues', 'pause', 'other', '--config', folder.config])
      expect(paused.code, paused.err).toBe(0)
      const listed = async (): Promise<readonly unknown[]> =>
        (await send(`${program.url}/api/queues`)).body['data'] as readonly unknown[]
      const pause: unknown = expect.objectContaining({
        by: expect.stringMatching(/^cli/) as unknown,
      })
      await expect
        .poll(listed, { timeout: LEARNS_WITHIN[dialect], interval: 20 })
        .toContainEqual(expect.objectContaining({ name: 'other', pause }))
      const other = await add('other')
      // What came later in another queue has run meanwhile.
      const last = await add('default')
      await untilCompleted(program.url, String(last.body['id']))
      for (const { body } of [resting, other]) {
        const { body: job } = await send(`${program.url}/api/jobs/${String(body['id'])}`)
        expect(job['status']).toBe('pending')
      }
      const resumed = await runCommand(['queues', 'resume', 'other', '--config', folder.config])
      expect(resumed.code, resumed.err).toBe(0)
      await untilCompleted(program.url, String(other.body['id']))
      expect((await post(`${program.url}/api/queues/resting/resume`, '')).status).toBe(200)
      await untilCompleted(program.url, String(resting.body['id']))
    },
  )

  it.skipIf(!LONG && dialect === 'MariaDB')(
    'back-pressure refuses messages above the limit, and takes them in again below',
    async () => {
      const program = await start()
      await post(`${program.url}/api/queues/default/pause`, { reason: 'for the test' })
      const body = 'x'.repeat(30_000)
      const accepted: string[] = []
      let refused: Answer | undefined
      while (refused === undefined && accepted.length < 5_000) {
        const answer = await hello(program, '/in/hello', body)
        if (answer.status === 202) accepted.push(String(answer.body['id']))
        else refused = answer
      }
      expect(refused).toMatchObject({ status: 503, body: { code: 'subscription_full' } })
      expect(refused?.headers.get('retry-after')).toBe('1')
      expect(accepted.length).toBeGreaterThan(PAUSE_ABOVE)
      // Others are not held up, and nothing of what is refused is kept anywhere.
      expect((await hello(program, '/in/other')).status).toBe(202)
      const before = await memory(program)
      for (let round = 0; round < 20; round += 1) {
        const answers = await Promise.all(
          Array.from({ length: 50 }, () => hello(program, '/in/hello', body)),
        )
        expect(answers.every(({ status }) => status === 503)).toBe(true)
      }
      expect((await memory(program)) - before).toBeLessThan(100 * 1024 * 1024)
      const rows = await database?.sql(
        `SELECT count(*) AS jobs FROM queue_jobs WHERE queue = 'default'`,
      )
      expect(Number(rows?.[0]?.['jobs'])).toBe(accepted.length)
      const status = await send(`${program.url}/status`)
      expect(status.body['integrations']).toMatchObject({
        connections: [{ protocol: 'http', health: { status: 'ok' } }],
        subscriptions: [
          { closed: 'backpressure', backpressure: { pause_above: PAUSE_ABOVE, resume_below: 10 } },
          { closed: null },
        ],
      })
      await post(`${program.url}/api/queues/default/resume`, '')
      await expect
        .poll(async () => (await hello(program)).status, { timeout: 20_000, interval: 100 })
        .toBe(202)
      for (const id of accepted) await untilCompleted(program.url, id)
    },
  )
})

async function memory({ url }: RunningProgram): Promise<number> {
  const { body } = await send(`${url}/status`)
  return (body['memory'] as { readonly rss_bytes: number }).rss_bytes
}
