import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, describe, expect, it } from 'vitest'
import { startFarSide, type FarSide } from '../integration/outbound/far-side.ts'
import { until } from '../integration/worker/harness.ts'
import { killedDatabases, type ProgramDatabase } from '../services/program-database.ts'
import { guardProcess } from '../services/process.ts'

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'
const LIMIT_MS = LONG ? 900_000 : 120_000

/** Where an instance is killed: in its handler, or while its message is with the far side. */
const STEPS = ['begun', 'inserted', 'published', 'received', 'confirmed'] as const
const ROUNDS = LONG ? 60 : STEPS.length
const JOBS = 10

/** The instance under test, and what is called for each step that it, or the far side, tells of. */
interface Program {
  readonly child: ChildProcess
  kill(): Promise<void>
}

let cleanUps: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  cleanUps = []
})

async function startProgram(
  url: string,
  port: number,
  onStep: (name: string) => void,
): Promise<Program> {
  const file = path.join(import.meta.dirname, 'outbox-program.ts')
  const child = spawn(process.execPath, [file, url, String(port)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const dismiss = guardProcess(child.pid ?? 0, { folders: [], stopSignal: 'SIGINT' })
  let told = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (told += text))
  const closed = once(child, 'close').then(dismiss)
  const ready = new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line === 'ready') resolve()
      else onStep(line)
    })
    void closed.then(() => {
      reject(new Error(`it ended by itself:\n${told}`))
    })
  })
  await ready
  return {
    child,
    kill: async () => {
      child.kill('SIGKILL')
      await closed
    },
  }
}

/** Effects without a message, and messages without an effect, as one statement sees them. */
async function halves(database: ProgramDatabase): Promise<number> {
  const [row] = await database.sql(`SELECT
      (SELECT count(*) FROM effects) - (SELECT count(*) FROM queue_jobs WHERE direction = 'outbound') AS n`)
  return Number(row?.['n'])
}

async function run(database: ProgramDatabase, far: FarSide): Promise<number> {
  let expected: string | undefined
  let kill: (() => void) | undefined
  const onStep = (name: string): void => {
    if (name === expected) kill?.()
  }
  far.answer(({ id }) => {
    onStep('received')
    const hash = Number.parseInt(id.slice(-2), 16)
    // Some lose their answer with the connection; the others' is on its way when the kill comes.
    if (hash % 16 === 0 && far.received.filter((one) => one.id === id).length === 1) return 'break'
    setImmediate(() => {
      onStep('confirmed')
    })
    return { outcome: 'published' }
  })
  let count = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    const program = await startProgram(database.url, far.port, onStep)
    const killed = new Promise<void>((resolve) => {
      kill = () => {
        kill = undefined
        resolve(program.kill())
      }
    })
    expected = round < STEPS.length ? STEPS[round] : STEPS[Math.floor(Math.random() * STEPS.length)]
    // One after the other within a key: of two that commit at once, the later row may be seen first.
    const values = Array.from(
      { length: JOBS },
      (_, n) => `('place', '{"n":${count + n}}', 'place ${(count + n) % 5}')`,
    )
    await database.sql(
      `INSERT INTO queue_jobs (handler, payload, orderingkey) VALUES ${values.join(', ')}`,
    )
    count += JOBS
    await killed
    expect(await halves(database)).toBe(0)
  }
  return count
}

describe('an instance that is killed at every step of publishing', () => {
  it.for(killedDatabases('PostgreSQL'))(
    'leaves a row with its message or neither, and repeats carry one key, on %s',
    { timeout: LIMIT_MS },
    async ([name, open], { skip }) => {
      const database = await open()
      if (database === undefined) return skip(`${name} is not available`)
      cleanUps.push(() => database.stop())
      const far = await startFarSide()
      cleanUps.push(() => far.stop())
      await database.sql('CREATE TABLE effects (n integer NOT NULL)')
      // The first start migrates.
      const first = await startProgram(database.url, far.port, () => undefined)
      await first.kill()

      const count = await run(database, far)
      const last = await startProgram(database.url, far.port, () => undefined)
      cleanUps.push(() => last.kill())
      far.answer(() => ({ outcome: 'published' }))
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
      const effects = await database.sql('SELECT n FROM effects ORDER BY n')
      expect(effects.map((row) => row['n'])).toEqual(Array.from({ length: count }, (_, n) => n))
      const rows = await database.sql(
        "SELECT id, payload, metadata FROM queue_jobs WHERE direction = 'outbound' ORDER BY seq",
      )
      const idOf = new Map(rows.map((row) => [String(row['payload']), row['id']]))
      expect(idOf.size).toBe(count)
      // Everything arrived, under the one id that its row has, however often it came.
      expect(new Set(far.received.map(({ payload }) => payload)).size).toBe(count)
      for (const { payload, headers, id } of far.received) {
        expect(id).toBe(idOf.get(payload))
        expect(headers['idempotency-key']).toBe(id)
      }
      // First arrivals of a key are in the order of its rows.
      for (let key = 0; key < 5; key += 1) {
        const mine = (payload: string): boolean =>
          (JSON.parse(payload) as { n: number }).n % 5 === key
        const arrived = far.received.map((one) => one.payload).filter(mine)
        const stored = rows.map((row) => String(row['payload'])).filter(mine)
        expect([...new Set(arrived)]).toEqual(stored)
      }
    },
  )
})
