import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { openSender } from '../conformance/adapters/stomp-sender.ts'
import {
  exampleConfiguration,
  makeFolder,
  startProgram,
  type RunningProgram,
  type TestFolder,
} from '../e2e/program.ts'
import { startActivemqClassic } from '../services/activemq-classic.ts'
import { startArtemis } from '../services/artemis.ts'
import { freePort } from '../services/free-port.ts'
import { PROGRAM_DATABASES, type ProgramDatabase } from '../services/program-database.ts'
import { startOrSkip } from '../services/require.ts'
import { type StompBroker, TEST_PREFIX } from '../services/stomp-broker.ts'

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'
const MESSAGES = LONG ? 5_000 : 300
const LIMIT_MS = LONG ? 600_000 : 170_000
/** Messages whose sender waits for the broker's receipt at once. */
const AT_ONCE = 50
const QUEUE = `${TEST_PREFIX}effects`

const HANDLER = `
  import { defineHandler } from 'crossdock'
  import { z } from 'zod'

  export default defineHandler({
    name: 'effect',
    input: z.object({ key: z.string() }),
    async run({ input, tx, job }: { input: { key: string }; tx: any; job: { id: string } }) {
      await tx.sql\`insert into effects (messagekey, jobid) values (\${input.key}, \${job.id})\`
    },
  })
`

let cleanUps: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  cleanUps = []
})

async function makeHome(database: string, { kind, url }: StompBroker): Promise<TestFolder> {
  const port = await freePort()
  const home = await makeFolder(() =>
    exampleConfiguration({
      database: { url: database },
      http: { host: '127.0.0.1', port },
      jobs: {
        workers: 8,
        handlers: ['./handlers'],
        lease_seconds: 2,
        // An attempt that a kill cut off counts.
        max_retries: 100,
        retry: { type: 'fixed', initial: '200ms' },
      },
      integrations: {
        activemq: {
          connections: { broker: { urls: url, broker: kind } },
          subscriptions: [{ name: 'effect', destination: `/queue/${QUEUE}`, handler: 'effect' }],
        },
      },
      logging: { level: 'warn', format: 'json' },
    }),
  )
  cleanUps.push(() => home.remove())
  await mkdir(path.join(home.folder, 'handlers'))
  await writeFile(path.join(home.folder, 'handlers/effect.ts'), HANDLER)
  return home
}

/** Publishes every message, and calls `sent` with how many the broker has confirmed. */
async function publishAll(broker: StompBroker, sent: (count: number) => void): Promise<void> {
  const sender = openSender(broker)
  cleanUps.push(() => sender.close())
  let next = 0
  let confirmed = 0
  const one = async (): Promise<void> => {
    while (next < MESSAGES) {
      const key = `m${next}`
      next += 1
      await sender.send(QUEUE, JSON.stringify({ key }), { 'idempotency-key': key })
      confirmed += 1
      sent(confirmed)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
}

async function until(holds: () => Promise<boolean>, limitMs = 120_000): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!(await holds())) {
    if (performance.now() > deadline)
      throw new Error(`it did not come to hold: ${holds.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/**
 * Kills the program, then the broker, then stops the broker in an orderly way, each while messages go in and out;
 * each message must be one job that ran once.
 */
async function underKills(database: ProgramDatabase, broker: StompBroker): Promise<void> {
  const home = await makeHome(database.url, broker)
  let program: RunningProgram = await startProgram(home)
  cleanUps.push(async () => {
    if (program.isRunning()) await program.stop()
  })
  await database.sql(
    'CREATE TABLE effects (messagekey varchar(50) NOT NULL, jobid varchar(64) NOT NULL)',
  )
  const count = async (text: string): Promise<number> => {
    const [row] = await database.sql(text)
    return Number(Object.values(row ?? {})[0])
  }
  const untilStored = (share: number): Promise<void> =>
    until(
      async () => (await count('SELECT count(*) FROM queue_jobs')) >= Math.floor(share * MESSAGES),
    )
  let confirmed = 0
  const publishing = publishAll(broker, (now) => (confirmed = now))
  for (const share of LONG ? [0.1, 0.35, 0.8] : [0.2]) {
    await untilStored(share + 0.1 * Math.random())
    await program.kill()
    program = await startProgram(home)
  }
  await untilStored(0.5)
  await broker.kill()
  await broker.restart()
  if (LONG) {
    await untilStored(0.7)
    await broker.restart()
  }
  await publishing
  await until(async () => (await count('SELECT count(*) FROM effects')) >= MESSAGES)
  await until(
    async () => (await count('SELECT count(*) FROM queue_jobs WHERE statusid <> 3')) === 0,
  )
  const counts = {
    confirmed,
    jobs: await count('SELECT count(*) FROM queue_jobs'),
    keys: await count('SELECT count(DISTINCT dedupekey) FROM queue_jobs'),
    effects: await count('SELECT count(*) FROM effects'),
    different: await count('SELECT count(DISTINCT messagekey) FROM effects'),
    completions: await count('SELECT count(*) FROM job_histories WHERE statusid = 3'),
    dead: await count('SELECT count(*) FROM queue_jobs WHERE deadreason IS NOT NULL'),
  }
  process.stdout.write(`${JSON.stringify({ broker: broker.kind, ...counts })}\n`)
  expect(counts).toEqual({
    confirmed: MESSAGES,
    jobs: MESSAGES,
    keys: MESSAGES,
    effects: MESSAGES,
    different: MESSAGES,
    completions: MESSAGES,
    dead: 0,
  })
  expect((await program.stop()).code).toBe(0)
}

/** In the short form one database each: what the other one adds is tried by the conformance suites. */
const CASES = [
  { name: 'Classic', service: 'activemq', start: startActivemqClassic, on: 'MariaDB' },
  { name: 'Artemis', service: 'artemis', start: startArtemis, on: 'PostgreSQL' },
  { name: 'Classic', service: 'activemq', start: startActivemqClassic, on: 'PostgreSQL' },
  { name: 'Artemis', service: 'artemis', start: startArtemis, on: 'MariaDB' },
] as const

describe('a process and a broker that are killed while persistent messages come in', () => {
  it.each(CASES.slice(0, LONG ? 4 : 2))(
    'make one job of each message with a key: ActiveMQ $name, on $on',
    { timeout: LIMIT_MS },
    async ({ service, start, on }) => {
      const broker = await startOrSkip(service, start)
      if (broker?.controllable !== true) return
      cleanUps.push(() => broker.stop())
      const database = await PROGRAM_DATABASES[on]()
      if (database === undefined) return
      cleanUps.push(() => database.stop())
      await underKills(database, broker)
    },
  )
})
