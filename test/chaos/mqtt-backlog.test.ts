import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { connect, type MqttClient } from 'mqtt'
import { afterEach, describe, expect, it } from 'vitest'
import { send } from '../e2e/http-client.ts'
import {
  exampleConfiguration,
  makeFolder,
  startProgram,
  type RunningProgram,
} from '../e2e/program.ts'
import { freePort } from '../services/free-port.ts'
import { startMosquitto } from '../services/mosquitto.ts'
import { PROGRAM_DATABASES, type ProgramDatabase } from '../services/program-database.ts'
import { startOrSkip } from '../services/require.ts'
import { rssOf, watchMemory } from './memory-watch.ts'

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'
const LIMIT_MS = LONG ? 900_000 : 170_000
/** Messages whose sender waits for the broker's answer at once. */
const AT_ONCE = 100
/** For how long nothing may come in once the broker has everything. */
const CLOSED_MS = 3_000
const WARM_UP = 20

const MIB = 1024 * 1024

/**
 * How much memory may grow while a subscription holds what it may: 32 MiB of messages or 1,000 of them, and garbage
 * that is not collected yet. Without the bound of bytes the broker hands over 200 MB, and without that of
 * messages 65,535 messages.
 */
const MAX_GROWTH_BYTES = 110 * MIB

const HANDLER = `
  import { defineHandler } from 'crossdock'

  export default defineHandler({ name: 'backlog', async run() {} })
`

/** A backlog that the broker has, and how its subscription came to take nothing in. */
interface Backlog {
  readonly messages: number
  readonly bytes: number
  /** With 3.1.1 the broker is told of no limit: it hands over as many as it can number. */
  readonly version: '3.1.1' | '5'
  readonly closedBy: 'a pause' | 'a database that is away'
  readonly on: keyof typeof PROGRAM_DATABASES
}

const CASES: readonly Backlog[] = LONG
  ? (['PostgreSQL', 'MariaDB'] as const).flatMap((on): readonly Backlog[] => [
      { messages: 200_000, bytes: 300, version: '3.1.1', closedBy: 'a pause', on },
      { messages: 200_000, bytes: 300, version: '5', closedBy: 'a database that is away', on },
      { messages: 2_000, bytes: 200_000, version: '3.1.1', closedBy: 'a pause', on },
      { messages: 2_000, bytes: 200_000, version: '5', closedBy: 'a database that is away', on },
    ])
  : [
      { messages: 1_000, bytes: 200_000, version: '5', closedBy: 'a pause', on: 'PostgreSQL' },
      {
        messages: 5_000,
        bytes: 300,
        version: '3.1.1',
        closedBy: 'a database that is away',
        on: 'MariaDB',
      },
    ]

let cleanUps: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  cleanUps = []
})

async function startOn(database: ProgramDatabase, broker: string, version: '3.1.1' | '5') {
  const port = await freePort()
  const home = await makeFolder(() =>
    exampleConfiguration({
      database: { url: database.url },
      http: { host: '127.0.0.1', port },
      jobs: { workers: 4, handlers: ['./handlers'], lease_seconds: 5 },
      integrations: {
        mqtt: {
          connections: { broker: { url: broker, version } },
          subscriptions: [
            {
              name: 'backlog',
              topics: [{ topic: 'backlog/#', qos: 1 }],
              handler: 'backlog',
              // MQTT 3.1.1 has no place for a key of its own.
              map: { dedupe_key: 'payload.key' },
            },
          ],
        },
      },
      logging: { level: 'warn', format: 'json' },
    }),
  )
  cleanUps.push(() => home.remove())
  await mkdir(path.join(home.folder, 'handlers'))
  await writeFile(path.join(home.folder, 'handlers/backlog.ts'), HANDLER)
  const program = await startProgram(home)
  cleanUps.push(async () => {
    if (program.isRunning()) await program.stop()
  })
  return program
}

/** Publishes messages of this size; the broker has all of them when it resolves. */
async function publishAll(
  client: MqttClient,
  prefix: string,
  { messages, bytes }: Pick<Backlog, 'messages' | 'bytes'>,
): Promise<void> {
  let next = 0
  const one = async (): Promise<void> => {
    while (next < messages) {
      const key = `${prefix}${next}`
      next += 1
      const pad = 'x'.repeat(Math.max(bytes - 30, 0))
      const payload = JSON.stringify({ key, pad })
      await client.publishAsync(`backlog/${next % 100}`, payload, { qos: 1 })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
}

async function count(database: ProgramDatabase, what: string, where = 'true'): Promise<number> {
  const [row] = await database.sql(`SELECT ${what} AS n FROM queue_jobs WHERE ${where}`)
  return Number(row?.['n'])
}

async function tell({ url }: RunningProgram, what: 'pause' | 'resume'): Promise<void> {
  const path = `${url}/api/integrations/mqtt:backlog/${what}`
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(path, { method: 'POST', headers, body: '{}' })
  expect(answer.status).toBe(200)
}

const megabytes = (bytes: number): number => Math.round(bytes / MIB)

async function holdBacklog(
  database: ProgramDatabase,
  brokerUrl: string,
  backlog: Backlog,
): Promise<void> {
  const program = await startOn(database, brokerUrl, backlog.version)
  const client = connect(brokerUrl, { protocolVersion: 5 })
  cleanUps.push(() => client.endAsync(true))
  await expect
    .poll(async () => (await send(`${program.url}/health`)).body['status'], { timeout: 20_000 })
    .toBe('ok')
  // What the program needs at all, with messages of this size.
  await publishAll(client, 'warm', { messages: WARM_UP, bytes: backlog.bytes })
  await expect.poll(() => count(database, 'count(*)', 'statusid = 3')).toBe(WARM_UP)
  const before = await rssOf(program.url)

  if (backlog.closedBy === 'a pause') await tell(program, 'pause')
  else await database.kill()
  const closed = watchMemory(program.url)
  await publishAll(client, 'm', backlog)
  await delay(CLOSED_MS)
  const whileClosed = await closed()
  expect(whileClosed, 'the memory was sampled').toBeGreaterThan(0)
  expect(whileClosed - before, 'bytes of growth').toBeLessThan(MAX_GROWTH_BYTES)
  const opened = watchMemory(program.url)
  const from = performance.now()
  if (backlog.closedBy === 'a pause') {
    expect(await count(database, 'count(*)')).toBe(WARM_UP)
    await tell(program, 'resume')
  } else {
    await database.restart()
    expect(await count(database, 'count(*)')).toBe(WARM_UP)
  }
  const all = backlog.messages + WARM_UP
  await expect
    .poll(() => count(database, 'count(*)', 'statusid = 3'), {
      timeout: LIMIT_MS,
      interval: 250,
    })
    .toBe(all)
  const seconds = Math.round((performance.now() - from) / 100) / 10
  const afterwards = await opened()
  process.stdout.write(
    `${JSON.stringify({
      ...backlog,
      seconds,
      rssMegabytes: {
        before: megabytes(before),
        whileClosed: megabytes(whileClosed),
        afterwards: megabytes(afterwards),
      },
    })}\n`,
  )
  expect(await count(database, 'count(*)')).toBe(all)
  expect(await count(database, 'count(DISTINCT dedupekey)')).toBe(all)
  expect((await program.stop()).code).toBe(0)
}

describe('a broker with a large backlog while nothing can be stored', { timeout: LIMIT_MS }, () => {
  it.for(CASES)(
    'costs bounded memory, and becomes one job each: $messages messages of $bytes bytes, MQTT $version, $closedBy, $on',
    async (backlog, { skip }) => {
      const database = await PROGRAM_DATABASES[backlog.on]()
      if (database === undefined) return skip(`${backlog.on} is not available`)
      cleanUps.push(() => database.stop())
      if (!database.controllable) return skip('the server is not ours to stop')
      const broker = await startOrSkip('mosquitto', () => startMosquitto({ maxInFlight: 65_535 }))
      if (broker === undefined) return skip('a server is not available')
      cleanUps.push(() => broker.stop())
      await holdBacklog(database, broker.url, backlog)
    },
  )
})
