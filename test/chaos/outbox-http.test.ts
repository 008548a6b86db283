import { copyFile, mkdir } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { makeFolder, startProgram, type RunningProgram, type TestFolder } from '../e2e/program.ts'
import { startTarget, type Target } from '../integration/outbound-http/target.ts'
import { until } from '../integration/worker/harness.ts'
import { killedDatabases, type ProgramDatabase } from '../services/program-database.ts'

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'
const LIMIT_MS = LONG ? 900_000 : 120_000
const KILLS = LONG ? 30 : 3
const JOBS = LONG ? 60 : 36
const KEYS = 6

/** The longest that an instance lives after its first message of a round, in milliseconds. */
const MAX_LIFE_MS = 250

async function writeFolder(url: string, target: Target): Promise<TestFolder> {
  const home = await makeFolder(() => ({
    database: { url },
    http: { port: 0 },
    jobs: {
      handlers: ['./handlers'],
      lease_seconds: 1,
      max_retries: 1_000,
      poll_interval: '200ms',
      retry: { type: 'fixed', initial: '50ms' },
    },
    integrations: {
      http: {
        connections: { target: { base_url: target.url } },
        publications: {
          orders: {
            path: '/orders/{{ payload.n }}',
            timeout_ms: 500,
            breaker: { failures: 1_000, open: '100ms' },
          },
        },
      },
    },
    logging: { level: 'warn', format: 'json' },
  }))
  await mkdir(path.join(home.folder, 'handlers'))
  await copyFile(
    path.join(import.meta.dirname, 'outbox-http-handler.ts'),
    path.join(home.folder, 'handlers/place.ts'),
  )
  return home
}

const numberOf = (body: Buffer): number => (JSON.parse(body.toString()) as { n: number }).n

/** Jobs of one key run in their order. */
async function insert(database: ProgramDatabase, from: number): Promise<void> {
  const values = Array.from({ length: JOBS }, (_, index) => {
    const n = from + index
    return `('place', '{"n":${n},"key":"k${n % KEYS}"}', 'k${n % KEYS}')`
  })
  await database.sql(
    `INSERT INTO queue_jobs (handler, payload, orderingkey) VALUES ${values.join(', ')}`,
  )
}

/** Effects without a message, and messages without an effect, as one statement sees them. */
async function halves(database: ProgramDatabase): Promise<number> {
  const [row] = await database.sql(`SELECT
    (SELECT count(*) FROM effects) - (SELECT count(*) FROM queue_jobs WHERE direction = 'outbound') AS n`)
  return Number(row?.['n'])
}

async function killAtRandom(
  database: ProgramDatabase,
  target: Target,
  home: TestFolder,
  running: Set<RunningProgram>,
): Promise<number> {
  let count = 0
  for (let round = 0; round < KILLS; round += 1) {
    const program = await startProgram(home)
    running.add(program)
    const before = target.received.length
    await insert(database, count)
    count += JOBS
    await until(() => target.received.length > before, 'messages arrive', 30_000)
    await delay(Math.random() * MAX_LIFE_MS)
    await program.kill()
    expect(await halves(database)).toBe(0)
  }
  return count
}

describe('a program that is killed while it publishes over HTTP', () => {
  // Side by side: most of it waits for leases.
  it.concurrent.for(killedDatabases('MariaDB'))(
    'leaves a row with its message or neither, in order, under one key, on %s',
    { timeout: LIMIT_MS },
    async ([name, open], { skip, onTestFinished }) => {
      const database = await open()
      if (database === undefined) return skip(`${name} is not available`)
      onTestFinished(() => database.stop())
      const target = await startTarget()
      onTestFinished(() => target.goAway())
      const home = await writeFolder(database.url, target)
      onTestFinished(() => home.remove())
      const running = new Set<RunningProgram>()
      onTestFinished(() => Promise.all([...running].map((program) => program.kill())).then())
      target.answer(async ({ id, visit }) => {
        await delay(Math.random() * 15)
        const chance = Number.parseInt(id.slice(-2), 16) % 16
        // Of one in eight the first answer is none.
        if (visit === 1 && chance === 0) return 'reset'
        return visit === 1 && chance === 1 ? 503 : 200
      })
      await database.sql('CREATE TABLE effects (n integer NOT NULL)')

      const count = await killAtRandom(database, target, home, running)
      running.add(await startProgram(home))
      await until(
        async () => {
          const [row] = await database.sql(
            'SELECT count(*) AS n FROM queue_jobs WHERE statusid = 3',
          )
          return Number(row?.['n']) === 2 * count
        },
        'every job and every message has ended well',
        60_000,
      )
      const all = Array.from({ length: count }, (_, n) => n)
      const effects = await database.sql('SELECT n FROM effects ORDER BY n')
      expect(effects.map((row) => row['n'])).toEqual(all)
      const rows = await database.sql(
        "SELECT id, payload FROM queue_jobs WHERE direction = 'outbound'",
      )
      const idOf = new Map(
        rows.map((row) => [numberOf(Buffer.from(String(row['payload']))), row['id']]),
      )
      expect(idOf.size).toBe(count)
      const { received } = target
      for (const { id, body, path: where } of received) {
        const n = numberOf(body)
        expect(id).toBe(idOf.get(n))
        expect(where).toBe(`/orders/${n}`)
      }
      const firsts = received.filter(({ visit }) => visit === 1).map(({ body }) => numberOf(body))
      expect(firsts.toSorted((a, b) => a - b)).toEqual(all)
      for (let key = 0; key < KEYS; key += 1) {
        const mine = firsts.filter((n) => n % KEYS === key)
        expect(mine).toEqual(mine.toSorted((a, b) => a - b))
      }
      if (LONG) {
        const repeats = received.length - count
        console.log(`${name}: ${KILLS} kills, ${count} rows and messages, ${repeats} repeats`)
      }
    },
  )
})
