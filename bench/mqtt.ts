import { performance } from 'node:perf_hooks'
import { connect, type MqttClient } from 'mqtt'
import { v7 } from 'uuid'
import { mqttAdapter } from '../adapters/mqtt/index.ts'
import { mqttConnectionOptions } from '../adapters/mqtt/options/connection.ts'
import { mqttSubscriptionOptions } from '../adapters/mqtt/options/subscription.ts'
import { openMappings } from '../src/app/mappings.ts'
import { openStore } from '../src/app/open-store.ts'
import { systemClock } from '../src/app/system-clock.ts'
import { createClientSlots } from '../src/client-slots/client-slots.ts'
import { createRegistry } from '../src/handler-kit/registry.ts'
import { parseInput } from '../src/handler-kit/validate-input.ts'
import { createGroupCommit } from '../src/ingest/group-commit.ts'
import { createMessageSink } from '../src/ingest/message-sink.ts'
import { silentLog } from '../src/observe/log.ts'
import { OPEN_FLOW } from '../src/ports/flow.ts'
import { startWakeUps } from '../src/worker/wake-ups.ts'
import { startMosquitto } from '../test/services/mosquitto.ts'
import type { BenchServer } from './bench-database.ts'
import { startMariadbBench } from './server-mariadb.ts'
import { startPostgresqlBench } from './server-postgresql.ts'
import { adapterTools } from '../test/services/adapter-tools.ts'

/**
 * Messages over MQTT, stored and acknowledged, from one connection, beside the bare multi-row INSERT into the
 * same tables in the same run. CROSSDOCK_BENCH_MESSAGES: default 30,000. CROSSDOCK_BENCH_IN_FLIGHT: what the
 * broker may send unacknowledged, default 1,000.
 */
const MESSAGES = Number(process.env['CROSSDOCK_BENCH_MESSAGES'] ?? 30_000)
const IN_FLIGHT = Number(process.env['CROSSDOCK_BENCH_IN_FLIGHT'] ?? 1_000)
const ROUNDS = Number(process.env['CROSSDOCK_BENCH_ROUNDS'] ?? 3)

const broker = await startMosquitto({ maxInFlight: IN_FLIGHT })

function client(version: 4 | 5, options: object = {}): Promise<MqttClient> {
  return new Promise((resolve) => {
    const one = connect(broker.url, { protocolVersion: version, ...options })
    one.once('connect', () => {
      resolve(one)
    })
  })
}

/** A session with the messages in it, which nobody has taken yet. */
async function fill(clientId: string, qos: 1 | 2): Promise<void> {
  const session = await client(5, {
    clientId,
    clean: false,
    properties: { sessionExpiryInterval: 3_600 },
  })
  await session.subscribeAsync('bench/#', { qos })
  await session.endAsync()
  const sender = await client(5)
  for (let from = 0; from < MESSAGES; from += 1_000) {
    await Promise.all(
      Array.from({ length: Math.min(1_000, MESSAGES - from) }, (_, n) =>
        sender.publishAsync(`bench/${n % 100}`, `{"n":${n}}`, {
          qos,
          properties: { userProperties: { 'idempotency-key': v7() } },
        }),
      ),
    )
  }
  await sender.endAsync()
}

/** Messages a second, from the connect until the broker has the last acknowledgement. */
async function measure(server: BenchServer, version: '3.1.1' | '5', qos: 1 | 2): Promise<number> {
  const store = await openStore(server.address(await server.fresh()), 5, silentLog)
  const name = `bench${Math.random().toString(36).slice(2)}`
  await fill(`${name}-s-0`, qos)
  const clock = systemClock
  const wakeUps = await startWakeUps({ channels: [], clock, log: silentLog })
  const commit = createGroupCommit({ store, wakeUps, clock, log: silentLog, random: Math.random })
  const slots = createClientSlots({ store, token: v7(), clock, log: silentLog, leaseMs: 10_000 })
  let stored = 0
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
  const from = performance.now()
  const adapter = await mqttAdapter.start({
    connection: {
      name: 'b',
      options: mqttConnectionOptions.parse({
        url: broker.url,
        version,
        receive_maximum: IN_FLIGHT,
      }),
    },
    subscriptions: [
      {
        name: 's',
        contentType: 'json',
        options: mqttSubscriptionOptions.parse({ topics: [{ topic: 'bench/#', qos }] }),
        flow: OPEN_FLOW,
      },
    ],
    publications: [],
    ...adapterTools({
      deliver: async (messages, how) => {
        const deliveries = await sink.deliver(messages, how)
        stored += deliveries.length
        if (stored >= MESSAGES) all.resolve(undefined)
        return deliveries
      },
    }),
    http: {
      route: () => undefined,
      port: () => {
        throw new Error('MQTT needs no HTTP')
      },
    },
    jobs: { untilEnded: async () => ({ ended: false, status: undefined }) },
    slots,
    instance: { name, id: name },
    connected: () => undefined,
    failed: () => undefined,
    log: silentLog,
  })
  await all.promise
  const perSecond = (MESSAGES / (performance.now() - from)) * 1_000
  await adapter.stop()
  await slots.stop()
  await commit.close()
  await wakeUps.stop()
  await store.close()
  return perSecond
}

// Timers of ours do not keep the process alive; this one does until the end.
const alive = setInterval(() => undefined, 60_000)
try {
  const names = (process.env['CROSSDOCK_BENCH_DATABASE'] ?? 'postgresql').split(',')
  for (const name of names) {
    const server = await (name === 'mariadb' ? startMariadbBench : startPostgresqlBench)(undefined)
    for (let round = 1; round <= ROUNDS; round += 1) {
      const bare = await server.openBareLoop(await server.fresh(), 'migrated', v7)
      const from = performance.now()
      await bare.add(MESSAGES)
      const bareRate = (MESSAGES / (performance.now() - from)) * 1_000
      await bare.close()
      const rates: string[] = []
      for (const [version, qos] of [
        ['5', 1],
        ['3.1.1', 1],
        ['5', 2],
      ] as const) {
        const rate = await measure(server, version, qos)
        rates.push(`MQTT ${version} quality ${qos}: ${Math.round(rate)}/s`)
      }
      process.stdout.write(
        `${server.name}, round ${round}: bare INSERT ${Math.round(bareRate)}/s; ${rates.join('; ')}; resident ${Math.round(process.memoryUsage().rss / 1e6)} MB\n`,
      )
    }
    await server.stop()
  }
} finally {
  clearInterval(alive)
  await broker.stop()
}
