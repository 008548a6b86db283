import kafkajs from 'kafkajs'
import { afterEach, describe, expect, it } from 'vitest'
import {
  exampleConfiguration,
  makeFolder,
  startProgram,
  type RunningProgram,
  type TestFolder,
} from '../e2e/program.ts'
import { freePort } from '../services/free-port.ts'
import { makeTopic } from '../services/kafka-admin.ts'
import type { KafkaService } from '../services/kafka-service.ts'
import { PROGRAM_DATABASES, type ProgramDatabase } from '../services/program-database.ts'
import { startOrSkip } from '../services/require.ts'
import { sharedKafka } from '../services/shared-servers.ts'
import { nextLook } from '../next-look.ts'

const { Kafka, Partitioners, logLevel } = kafkajs

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'
const MESSAGES = LONG ? 20_000 : 600
const KEYS = LONG ? 50 : 20
const KILLS = 3
const LIMIT_MS = LONG ? 900_000 : 170_000
const PARTITIONS = 3

let cleanUps: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  cleanUps = []
})

/** A record on the far side. */
interface Arrived {
  /** The number of the message. */
  readonly n: number
  readonly key: string
  /** Its header `idempotency-key`. */
  readonly id: string
}

async function makeHome(database: string, brokers: string, topics: Topics): Promise<TestFolder> {
  const home = await makeFolder(() =>
    exampleConfiguration({
      database: { url: database },
      http: { host: '127.0.0.1', port: 0 },
      jobs: {
        workers: 4,
        lease_seconds: 2,
        // An attempt that a kill cut off counts.
        max_retries: 100,
        retry: { type: 'fixed', initial: '200ms' },
      },
      integrations: {
        kafka: {
          connections: { cluster: { brokers, request_timeout: '5s' } },
          subscriptions: [
            {
              name: 'from',
              topics: [topics.from],
              session_timeout: '2s',
              heartbeat_interval: '500ms',
            },
          ],
          publications: { to: { topic: topics.to } },
        },
      },
      routes: [{ name: 'on', from: 'kafka:from', to: ['kafka:to'] }],
      logging: { level: 'warn', format: 'json' },
    }),
  )
  cleanUps.push(() => home.remove())
  return home
}

interface Topics {
  readonly from: string
  readonly to: string
}

/** Starts one more instance of the home. */
async function startInstance(home: TestFolder): Promise<RunningProgram> {
  return await startProgram(home, { args: ['--port', String(await freePort())] })
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const from = performance.now()
  const deadline = from + LIMIT_MS / 2
  while (!(await holds())) {
    if (performance.now() > deadline)
      throw new Error(`it did not come to hold: ${holds.toString()}`)
    await nextLook(from)
  }
}

/** Sends every message, in the order of its key. */
async function sendAll(brokers: string, topic: string): Promise<void> {
  const client = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING })
  const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  try {
    for (let from = 0; from < MESSAGES; from += 100) {
      const messages = Array.from({ length: Math.min(100, MESSAGES - from) }, (_, index) => {
        const n = from + index
        return { key: `k${n % KEYS}`, value: JSON.stringify({ n }) }
      })
      await producer.send({ topic, messages })
    }
  } finally {
    await producer.disconnect()
  }
}

/** Asks how many records a topic has. */
async function openCounter(brokers: string, topic: string): Promise<() => Promise<number>> {
  const admin = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  cleanUps.push(() => admin.disconnect())
  return async () => {
    const offsets = await admin.fetchTopicOffsets(topic)
    return offsets.reduce((sum, { high }) => sum + Number(high), 0)
  }
}

/** What is on the far side, in the order of its partitions, by Kafka's own consumer. */
async function readAll(kafka: KafkaService, topic: string, count: number): Promise<Arrived[]> {
  const show = ['print.headers=true', 'headers.separator=;', 'key.separator=|', 'print.key=true']
  const lines = await kafka.tools.consume(
    topic,
    count,
    show.flatMap((property) => ['--formatter-property', property]),
  )
  return lines.map((line) => {
    const [headers = '', key = '', value = ''] = line.split('|')
    const { n } = JSON.parse(value) as { readonly n: number }
    return { n, key, id: /idempotency-key:([^;]*)/.exec(headers)?.[1] ?? '' }
  })
}

/** Each message's first arrival, and whether its repeats carry the id of the first. */
function firstArrivals(arrived: readonly Arrived[]) {
  const ids = new Map<number, string>()
  const order = new Map<string, number[]>()
  let foreignIds = 0
  for (const { n, key, id } of arrived) {
    const known = ids.get(n)
    if (known !== undefined) {
      if (known !== id) foreignIds += 1
      continue
    }
    ids.set(n, id)
    order.set(key, [...(order.get(key) ?? []), n])
  }
  return { ids, order, foreignIds }
}

async function underKills(database: ProgramDatabase, kafka: KafkaService): Promise<void> {
  const { brokers } = kafka
  const topics = {
    from: await makeTopic(brokers, { partitions: PARTITIONS }),
    to: await makeTopic(brokers, { partitions: PARTITIONS }),
  }
  const home = await makeHome(database.url, brokers, topics)
  const arrivedCount = await openCounter(brokers, topics.to)
  const sending = sendAll(brokers, topics.from)
  let program = await startInstance(home)
  cleanUps.push(async () => {
    if (program.isRunning()) await program.stop()
  })
  const places = Array.from({ length: KILLS }, (_, index) =>
    Math.floor(((index + 0.1 + 0.8 * Math.random()) / KILLS) * MESSAGES * 0.7),
  )
  for (const place of places) {
    await until(async () => (await arrivedCount()) >= place)
    await program.kill()
    program = await startInstance(home)
  }
  // One more takes its part of the partitions, and leaves again.
  const second = await startInstance(home)
  cleanUps.push(async () => {
    if (second.isRunning()) await second.stop()
  })
  await until(async () => (await arrivedCount()) >= MESSAGES * 0.8)
  expect((await second.stop()).code).toBe(0)
  await sending
  const count = async (text: string): Promise<number> => {
    const [row] = await database.sql(text)
    return Number(Object.values(row ?? {})[0])
  }
  const completed = 'SELECT count(*) FROM queue_jobs WHERE statusid = 3'
  await until(async () => (await count(completed)) >= MESSAGES)
  const arrived = await readAll(kafka, topics.to, await arrivedCount())
  const { ids, order, foreignIds } = firstArrivals(arrived)
  const isInOrder = [...order.values()].every((numbers) =>
    numbers.every((n, index) => index === 0 || n > (numbers[index - 1] ?? 0)),
  )
  const counts = {
    jobs: await count('SELECT count(*) FROM queue_jobs'),
    dead: await count('SELECT count(*) FROM queue_jobs WHERE deadreason IS NOT NULL'),
    different: ids.size,
    ids: new Set(ids.values()).size,
    foreignIds,
    keys: order.size,
    isInOrder,
  }
  process.stdout.write(
    `${JSON.stringify({ ...counts, places, repeats: arrived.length - MESSAGES })}\n`,
  )
  expect(counts).toEqual({
    jobs: MESSAGES,
    dead: 0,
    different: MESSAGES,
    ids: MESSAGES,
    foreignIds: 0,
    keys: KEYS,
    isInOrder: true,
  })
  expect((await program.stop()).code).toBe(0)
}

/** In the short form one database: what the other one adds is tried by the conformance suites. */
const DATABASES = LONG ? (['PostgreSQL', 'MariaDB'] as const) : (['PostgreSQL'] as const)

describe('a process that is killed while it takes records from Kafka to Kafka', () => {
  it.for(DATABASES)(
    'sends each of them, in the order of its key, and its repeats under one id: on %s',
    { timeout: LIMIT_MS },
    async (name, { skip }) => {
      const database = await PROGRAM_DATABASES[name]()
      if (database === undefined) return skip('a server is not available')
      cleanUps.push(() => database.stop())
      const kafka = await startOrSkip('kafka', () => sharedKafka())
      if (kafka === undefined) return skip('a server is not available')
      await underKills(database, kafka)
    },
  )
})
