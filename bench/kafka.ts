import { performance } from 'node:perf_hooks'
import kafkajs from 'kafkajs'
import { v7 } from 'uuid'
import { kafkaAdapter } from '../adapters/kafka/index.ts'
import { kafkaConnectionOptions } from '../adapters/kafka/options/connection.ts'
import { kafkaSubscriptionOptions } from '../adapters/kafka/options/subscription.ts'
import { openMappings } from '../src/app/mappings.ts'
import { openStore } from '../src/app/open-store.ts'
import { systemClock } from '../src/app/system-clock.ts'
import { createRegistry } from '../src/handler-kit/registry.ts'
import { parseInput } from '../src/handler-kit/validate-input.ts'
import { createGroupCommit } from '../src/ingest/group-commit.ts'
import { createMessageSink } from '../src/ingest/message-sink.ts'
import { silentLog } from '../src/observe/log.ts'
import { OPEN_FLOW } from '../src/ports/flow.ts'
import { startWakeUps } from '../src/worker/wake-ups.ts'
import { adapterTools } from '../test/services/adapter-tools.ts'
import { startKafka } from '../test/services/kafka.ts'
import type { BenchServer } from './bench-database.ts'
import { bareInsert } from './bare-insert.ts'
import { processorTime } from './processor-time.ts'
import { startMariadbBench } from './server-mariadb.ts'
import { startPostgresqlBench } from './server-postgresql.ts'

/**
 * Records from Kafka to committed rows, beside the bare multi-row INSERT of the same rows in the same
 * run; and the processor time that each costs, which a busy machine changes least. CROSSDOCK_BENCH_MESSAGES: default 100,000. CROSSDOCK_BENCH_PARTITIONS: default 12.
 */
const MESSAGES = Number(process.env['CROSSDOCK_BENCH_MESSAGES'] ?? 100_000)
const PARTITIONS = Number(process.env['CROSSDOCK_BENCH_PARTITIONS'] ?? 12)
const ROUNDS = Number(process.env['CROSSDOCK_BENCH_ROUNDS'] ?? 3)
const BODY_BYTES = 200

const broker = await startKafka({ isFast: true })
const client = new kafkajs.Kafka({
  brokers: [broker.brokers],
  logLevel: kafkajs.logLevel.NOTHING,
})
const topic = 'bench'

async function fill(): Promise<void> {
  const admin = client.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS }], waitForLeaders: true })
  await admin.disconnect()
  const producer = client.producer()
  await producer.connect()
  for (let from = 0; from < MESSAGES; from += 1_000) {
    const messages = Array.from({ length: Math.min(1_000, MESSAGES - from) }, (_, n) => ({
      key: `key-${(from + n) % 5_000}`,
      value: JSON.stringify({ n: from + n, text: 'x'.repeat(BODY_BYTES - 30) }),
    }))
    await producer.send({ topic, messages })
  }
  await producer.disconnect()
}

/** Records a second, from the first delivery until the rows of the last one are committed. */
async function measure(server: BenchServer, orderBy: 'key' | 'none'): Promise<number> {
  const store = await openStore(server.address(await server.fresh()), 5, silentLog)
  const clock = systemClock
  const wakeUps = await startWakeUps({ channels: [], clock, log: silentLog })
  const commit = createGroupCommit({ store, wakeUps, clock, log: silentLog, random: Math.random })
  let stored = 0
  let from = 0
  const all = Promise.withResolvers<undefined>()
  const sink = createMessageSink({
    subscriptions: [{ name: 's', handler: 'h', contentType: 'json' }],
    mappings: openMappings([], silentLog),
    handlers: createRegistry([]),
    parseInput,
    commit,
    store,
    makeId: v7,
    now: Date.now,
    log: silentLog,
  })
  const name = `bench${Math.random().toString(36).slice(2)}`
  const adapter = await kafkaAdapter.start({
    connection: {
      name: 'b',
      options: kafkaConnectionOptions.parse({ brokers: [broker.brokers] }),
    },
    subscriptions: [
      {
        name: 's',
        contentType: 'json',
        options: kafkaSubscriptionOptions.parse({ topics: [topic], order_by: orderBy }),
        flow: OPEN_FLOW,
      },
    ],
    publications: [],
    ...adapterTools({
      deliver: async (messages, how) => {
        // The bare INSERT joins no group either.
        if (from === 0) from = performance.now()
        const deliveries = await sink.deliver(messages, how)
        stored += deliveries.length
        if (stored >= MESSAGES) all.resolve(undefined)
        return deliveries
      },
    }),
    http: {
      route: () => undefined,
      port: () => {
        throw new Error('Kafka needs no HTTP')
      },
    },
    jobs: { untilEnded: async () => ({ ended: false, status: undefined }) },
    slots: { take: async () => undefined },
    instance: { name, id: name },
    connected: () => undefined,
    failed: () => undefined,
    log: silentLog,
  })
  await all.promise
  const perSecond = (MESSAGES / (performance.now() - from)) * 1_000
  await adapter.stop()
  await commit.close()
  await wakeUps.stop()
  await store.close()
  return perSecond
}

interface Timed {
  readonly perSecond: number
  /** Milliseconds of processor time for 1,000 rows, by process. */
  readonly costs: ReadonlyMap<string, number>
}

async function timed(run: () => Promise<number>): Promise<Timed> {
  const [before, own] = [processorTime(), process.cpuUsage()]
  const perSecond = await run()
  const { user, system } = process.cpuUsage(own)
  const costs = new Map([['this process', (user + system) / MESSAGES]])
  for (const [name, seconds] of processorTime()) {
    const cost = ((seconds - (before.get(name) ?? 0)) * 1e6) / MESSAGES
    if (cost >= 0.1) costs.set(name, cost)
  }
  return { perSecond, costs }
}

function described({ perSecond, costs }: Timed): string {
  const all = [...costs].map(([name, cost]) => `${name} ${cost.toFixed(1)} ms`).join(', ')
  return `${Math.round(perSecond)}/s; processor time of 1,000 rows: ${all}`
}

// Timers of ours do not keep the process alive; this one does until the end.
const alive = setInterval(() => undefined, 60_000)
try {
  await fill()
  const names = (process.env['CROSSDOCK_BENCH_DATABASE'] ?? 'postgresql').split(',')
  for (const name of names) {
    const server = await (name === 'mariadb' ? startMariadbBench : startPostgresqlBench)(undefined)
    for (let round = 1; round <= ROUNDS; round += 1) {
      for (const orderBy of ['none', 'key'] as const) {
        const bare = await timed(() => bareInsert(server, MESSAGES, BODY_BYTES, orderBy))
        const ours = await timed(() => measure(server, orderBy))
        process.stdout.write(
          `${server.name}, round ${round}, order by ${orderBy}: ${(ours.perSecond / bare.perSecond).toFixed(2)} of the bare INSERT\n  bare INSERT ${described(bare)}\n  Kafka ${described(ours)}; resident ${Math.round(process.memoryUsage().rss / 1e6)} MB\n`,
        )
      }
    }
    await server.stop()
  }
} finally {
  clearInterval(alive)
  await broker.stop()
}
