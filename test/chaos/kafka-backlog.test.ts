import { setTimeout as delay } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { send } from '../e2e/http-client.ts'
import { exampleConfiguration, makeFolder, startProgram } from '../e2e/program.ts'
import { freePort } from '../services/free-port.ts'
import { killedDatabases } from '../services/program-database.ts'
import { startOrSkip } from '../services/require.ts'
import { sharedKafka } from '../services/shared-servers.ts'
import { rssOf, watchMemory } from './memory-watch.ts'

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'
const LIMIT_MS = LONG ? 1_200_000 : 170_000
const MESSAGES = LONG ? 1_000_000 : 20_000
const BODY_BYTES = 500
const PARTITIONS = 6
/** For how long the database is away. */
const AWAY_MS = LONG ? 20_000 : 3_000
const MB = 1_000_000

/**
 * Where there is room, garbage is collected late, and how much the program needs cannot be seen: here it has to do with this
 * heap, or it ends.
 */
const SMALL_HEAP = '--max-old-space-size=72 --max-semi-space-size=4'
/** What the whole program may have, whatever waits. */
const MAX_RSS_BYTES = 250 * MB

it.for(killedDatabases('PostgreSQL'))(
  'a backlog at Kafka costs bounded memory while the database is away, and while it comes in: %s',
  { timeout: LIMIT_MS },
  async ([on, open], { skip }) => {
    const broker = await startOrSkip('kafka', sharedKafka)
    if (broker === undefined) return skip('a server is not available')
    const database = await open()
    if (database === undefined) return skip('a server is not available')
    onTestFinished(() => database.stop())
    if (!database.controllable) return skip('the server is not ours to stop')
    const topic = `backlog-${on.toLowerCase()}-${process.pid}`
    await broker.tools.createTopic(topic, PARTITIONS)
    const port = await freePort()
    const home = await makeFolder(() =>
      exampleConfiguration({
        database: { url: database.url },
        http: { host: '127.0.0.1', port },
        jobs: { workers: 4, lease_seconds: 5, queues: { backlog: { paused: true } } },
        integrations: {
          kafka: {
            connections: { broker: { brokers: [broker.brokers] } },
            subscriptions: [
              {
                name: 'backlog',
                topics: [topic],
                handler: 'examples.hello',
                queue: 'backlog',
                content_type: 'text',
              },
            ],
          },
        },
        logging: { level: 'warn', format: 'json' },
      }),
    )
    onTestFinished(() => home.remove())
    const program = await startProgram(home, { env: { NODE_OPTIONS: SMALL_HEAP } })
    onTestFinished(async () => {
      if (program.isRunning()) await program.stop()
    })
    await expect
      .poll(async () => (await send(`${program.url}/health`)).body['status'], { timeout: 30_000 })
      .toBe('ok')
    const before = await rssOf(program.url)

    await database.kill()
    const away = watchMemory(program.url)
    await broker.tools.fill(topic, MESSAGES, BODY_BYTES)
    await delay(AWAY_MS)
    const whileAway = await away()
    const coming = watchMemory(program.url)
    const from = performance.now()
    await database.restart()
    await expect
      .poll(
        async () => {
          const [row] = await database.sql(
            'SELECT count(*) AS jobs, count(DISTINCT dedupekey) AS different FROM queue_jobs',
          )
          return [Number(row?.['jobs']), Number(row?.['different'])]
        },
        { timeout: LIMIT_MS, interval: 1_000 },
      )
      .toEqual([MESSAGES, MESSAGES])
    const perSecond = Math.round((MESSAGES / (performance.now() - from)) * 1_000)
    const whileComing = await coming()
    const inMegabytes = (bytes: number): number => Math.round(bytes / MB)
    process.stdout.write(
      `${JSON.stringify({
        on,
        messages: MESSAGES,
        perSecond,
        rssMegabytes: {
          before: inMegabytes(before),
          whileAway: inMegabytes(whileAway),
          whileComing: inMegabytes(whileComing),
        },
      })}\n`,
    )
    expect(whileAway).toBeLessThan(MAX_RSS_BYTES)
    expect(whileComing).toBeLessThan(MAX_RSS_BYTES)
    expect((await program.stop()).code).toBe(0)
  },
)
