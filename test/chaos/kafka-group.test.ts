import { setTimeout as delay } from 'node:timers/promises'
import kafkajs from 'kafkajs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { makeTopic } from '../services/kafka-admin.ts'
import { openConsoleSender } from '../services/kafka-console-sender.ts'
import type { KafkaService } from '../services/kafka-service.ts'
import { killedDatabases, type ProgramDatabase } from '../services/program-database.ts'
import { startOrSkip } from '../services/require.ts'
import { sharedKafka } from '../services/shared-servers.ts'
import { EFFECT, startEffectRun, until, type EffectRun } from './effect-run.ts'
import { subscriptionStatus } from './subscription-status.ts'

const { Kafka, logLevel } = kafkajs

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'
const ROUNDS = LONG ? 10 : 1
const LIMIT_MS = LONG ? 1_200_000 : 170_000
const KEYS = 20
const PARTITIONS = 4
/** Each sender rests so long after a record: they flow in all the time, and nobody falls behind. */
const PACE_MS = 400
/** Records that come in between two events. */
const BETWEEN = 50

/** Whoever is in the group, once it has shared its partitions out. */
async function openMembers(brokers: string, group: string): Promise<() => Promise<number>> {
  const admin = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  onTestFinished(() => admin.disconnect())
  return async () => {
    const { groups } = await admin.describeGroups([group])
    const [found] = groups
    return found?.state === 'Stable' ? found.members.length : NaN
  }
}

/**
 * One instance stays; another one joins, leaves, joins again, and stands still for longer than its session lasts. Returns
 * how many records came to one although the other one had stored them.
 */
async function shareOut(run: EffectRun, members: () => Promise<number>): Promise<number> {
  let duplicates = 0
  const untilShared = async (wanted: number): Promise<void> => {
    await until(async () => (await members()) === wanted)
    await run.untilStored((await run.stored()) + BETWEEN)
  }
  await untilShared(1)
  for (let round = 0; round < ROUNDS; round += 1) {
    const first = await run.join()
    await untilShared(2)
    duplicates += (await subscriptionStatus(first)).duplicates
    first.signal('SIGTERM')
    expect((await first.ended).code).toBe(0)
    await untilShared(1)
    const second = await run.join()
    await untilShared(2)
    second.signal('SIGSTOP')
    await untilShared(1)
    second.signal('SIGCONT')
    await untilShared(2)
    duplicates += (await subscriptionStatus(second)).duplicates
    expect((await second.stop()).code).toBe(0)
  }
  return duplicates + (await subscriptionStatus(run.program())).duplicates
}

/** Effects, in the order in which they came about, that stand before one of their key with a smaller offset. */
async function outOfOrder(database: ProgramDatabase): Promise<readonly string[]> {
  const rows = await database.sql(
    `SELECT e.messagekey AS message, j.orderingkey AS line, j.metadata AS metadata
     FROM effects e JOIN queue_jobs j ON j.id = e.jobid ORDER BY e.seq`,
  )
  const last = new Map<string, { readonly n: number; readonly offset: number }>()
  return rows.flatMap(({ message, line, metadata }) => {
    const key = String(line)
    const facts: unknown = typeof metadata === 'string' ? JSON.parse(metadata) : metadata
    const { offset } = facts as { readonly offset: number }
    const n = Number(String(message).slice(1))
    const before = last.get(key) ?? { n: -1, offset: -1 }
    last.set(key, { n, offset })
    return key === `k${n % KEYS}` && n > before.n && offset > before.offset ? [] : [`${key}: ${n}`]
  })
}

async function underRebalances(database: ProgramDatabase, kafka: KafkaService): Promise<void> {
  const topic = await makeTopic(kafka.brokers, { partitions: PARTITIONS })
  const subscription = {
    name: 'effect',
    handler: EFFECT,
    topics: [topic],
    group_id: topic,
    order_by: 'key',
    session_timeout: '2s',
    heartbeat_interval: '300ms',
    rebalance_timeout: '5s',
  }
  const connections = { cluster: { brokers: kafka.brokers } }
  const integrations = { kafka: { connections, subscriptions: [subscription] } }
  const run = await startEffectRun(database, integrations, Infinity)
  const sender = await openConsoleSender(kafka, topic)
  onTestFinished(() => sender.close())
  const publishing = run.publish(async (key) => {
    const recordKey = `k${Number(key.slice(1)) % KEYS}`
    await sender.send({ key: recordKey, value: JSON.stringify({ key }) })
    await delay(PACE_MS * (0.5 + Math.random()))
  })
  const duplicates = await shareOut(run, await openMembers(kafka.brokers, topic))
  run.enough()
  await publishing
  await run.expectEachOnce({ rounds: ROUNDS, duplicates })
  expect(await outOfOrder(database)).toEqual([])
  expect((await run.program().stop()).code).toBe(0)
}

describe('instances that come and go in one group of Kafka, on one database', () => {
  it.for(killedDatabases('PostgreSQL'))(
    'make one job of each record, and run those of a key in its order: on %s',
    { timeout: LIMIT_MS },
    async ([, open], { skip }) => {
      const kafka = await startOrSkip('kafka', sharedKafka)
      if (kafka === undefined) return skip('a server is not available')
      const database = await open()
      if (database === undefined) return skip('a server is not available')
      onTestFinished(() => database.stop())
      await underRebalances(database, kafka)
    },
  )
})
