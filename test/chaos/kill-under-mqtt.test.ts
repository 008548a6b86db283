import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { connect, type MqttClient } from 'mqtt'
import { afterEach, describe, expect, it } from 'vitest'
import {
  exampleConfiguration,
  makeFolder,
  startProgram,
  type RunningProgram,
  type TestFolder,
} from '../e2e/program.ts'
import { freePort } from '../services/free-port.ts'
import { startMosquitto } from '../services/mosquitto.ts'
import { PROGRAM_DATABASES, type ProgramDatabase } from '../services/program-database.ts'
import { startOrSkip } from '../services/require.ts'

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'
const MESSAGES = LONG ? 10_000 : 800
const KILLS = LONG ? 10 : 2
const LIMIT_MS = LONG ? 1_200_000 : 170_000
/** Messages whose sender waits for the broker's answer at once. */
const AT_ONCE = 50

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

/** A place of its own, with the handler, and a table that shows an effect that happened twice. */
async function makeHome(database: string, broker: string, qos: 1 | 2): Promise<TestFolder> {
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
        mqtt: {
          connections: { broker: { url: broker } },
          subscriptions: [
            { name: 'effect', topics: [{ topic: 'effect/#', qos }], handler: 'effect' },
          ],
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

/** Publishes every message, and calls `sent` with how many the broker has. */
async function publishAll(
  client: MqttClient,
  options: { readonly qos: 1 | 2; readonly hasKeys: boolean },
  sent: (count: number) => void,
): Promise<void> {
  let next = 0
  let confirmed = 0
  const one = async (): Promise<void> => {
    while (next < MESSAGES) {
      const key = `m${next}`
      next += 1
      await client.publishAsync(`effect/${key}`, JSON.stringify({ key }), {
        qos: options.qos,
        // Left out and not empty: the library writes an empty list wrongly.
        ...(options.hasKeys && { properties: { userProperties: { 'idempotency-key': key } } }),
      })
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
 * Resolves when a number has come to this. How long that takes is the machine's affair; it may stand still for a minute.
 * @throws Error with what `told` says when it stands still
 */
async function untilReached(
  wanted: number,
  read: () => Promise<number>,
  told: () => Promise<unknown>,
): Promise<void> {
  for (let before = -1, now = await read(); now < wanted; now = await read()) {
    if (now === before) {
      throw new Error(`it stands still at ${now} of ${wanted}: ${JSON.stringify(await told())}`)
    }
    before = now
    const than = now
    await until(async () => (await read()) > than, 60_000).catch(() => undefined)
  }
}

async function isTaking({ url }: RunningProgram): Promise<boolean> {
  const answer = await fetch(`${url}/status`)
  const { integrations } = (await answer.json()) as {
    integrations: { connections: { health: { status: string } }[] }
  }
  return integrations.connections.every(({ health }) => health.status === 'ok')
}

/** Kills the program at random places while messages come in; each must be one job that ran once. */
async function underKills(
  database: ProgramDatabase,
  options: { readonly qos: 1 | 2; readonly hasKeys: boolean },
): Promise<void> {
  const broker = await startOrSkip('mosquitto', () => startMosquitto())
  if (broker === undefined) return
  cleanUps.push(() => broker.stop())
  const home = await makeHome(database.url, broker.url, options.qos)
  let program = await startProgram(home)
  cleanUps.push(async () => {
    if (program.isRunning()) await program.stop()
  })
  await database.sql(
    'CREATE TABLE effects (messagekey varchar(50) NOT NULL, jobid varchar(64) NOT NULL)',
  )
  await until(() => isTaking(program)).catch(async (cause: unknown) => {
    const status = await (await fetch(`${program.url}/status`)).text()
    throw new Error(`it takes nothing in:\n${status}\n${program.err()}`, { cause })
  })
  const client = connect(broker.url, { protocolVersion: 5 })
  cleanUps.push(() => client.endAsync(true))
  const count = async (text: string): Promise<number> => {
    const [row] = await database.sql(text)
    return Number(Object.values(row ?? {})[0])
  }
  let confirmed = 0
  const states = async () => ({
    confirmed,
    jobs: await database.sql('SELECT statusid, count(*) AS jobs FROM queue_jobs GROUP BY statusid'),
  })
  const places = Array.from({ length: KILLS }, (_, index) =>
    Math.floor(((index + 0.1 + 0.8 * Math.random()) / KILLS) * MESSAGES * 0.9),
  )
  const publishing = publishAll(client, options, (now) => (confirmed = now))
  for (const place of places) {
    await untilReached(place, () => count('SELECT count(*) FROM queue_jobs'), states)
    await program.kill()
    program = await startProgram(home)
  }
  await publishing
  await untilReached(MESSAGES, () => count('SELECT count(*) FROM effects'), states)
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
  process.stdout.write(`${JSON.stringify({ ...options, places, ...counts })}\n`)
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
  { qos: 1, hasKeys: true, on: 'MariaDB', isShort: true },
  { qos: 1, hasKeys: true, on: 'PostgreSQL', isShort: false },
  { qos: 2, hasKeys: false, on: 'PostgreSQL', isShort: true },
  { qos: 2, hasKeys: false, on: 'MariaDB', isShort: false },
] as const

describe('a process that is killed while messages come in over MQTT', () => {
  it.each(CASES.filter(({ isShort }) => LONG || isShort))(
    'makes one job of each message: quality of service $qos, with keys $hasKeys, on $on',
    { timeout: LIMIT_MS },
    async ({ on, ...options }) => {
      const database = await PROGRAM_DATABASES[on]()
      if (database === undefined) return
      cleanUps.push(() => database.stop())
      await underKills(database, options)
    },
  )
})
