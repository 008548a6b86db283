import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { groupOffsets, makeTopic } from '../services/kafka-admin.ts'
import { openConsoleSender } from '../services/kafka-console-sender.ts'
import type { KafkaService } from '../services/kafka-service.ts'
import { killedDatabases, type ProgramDatabase } from '../services/program-database.ts'
import { startOrSkip } from '../services/require.ts'
import { sharedKafka } from '../services/shared-servers.ts'
import { EFFECT, startEffectRun, until, type EffectRun } from './effect-run.ts'
import { subscriptionStatus, type SubscriptionStatus } from './subscription-status.ts'

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'
const MESSAGES = LONG ? 20_000 : 600
const KEYS = LONG ? 50 : 20
const KILLS = LONG ? 10 : 2
const LIMIT_MS = LONG ? 1_200_000 : 170_000
const PARTITIONS = 3
/** Each sender rests so long after a record, and none is so far ahead of the next kill: some are under way then. */
const PACE_MS = 500
const AHEAD = 100

/** What `kafka-consumer-groups --describe` says: of each partition what is committed, and how many wait. */
function described(said: string): {
  readonly committed: number
  readonly lags: SubscriptionStatus['lags']
} {
  const rows = said
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , partition = '']) => /^\d+$/.test(partition))
  return {
    committed: rows.reduce((sum, [, , , committed]) => sum + Number(committed), 0),
    lags: Object.fromEntries(
      rows.map(([, topic, partition, , , lag]) => [`${topic}/${partition}`, Number(lag)]),
    ),
  }
}

/**
 * Has the program stand still where something is stored whose offsets are not committed: a kill there has the broker
 * deliver it again. Nothing is committed by one that stands still.
 * @param further lets some more records come
 */
async function standBetween(
  run: EffectRun,
  committed: () => Promise<number>,
  further: () => void,
): Promise<void> {
  for (;;) {
    run.program().signal('SIGSTOP')
    const stored = await run.stored()
    if (stored > (await committed()) || stored === MESSAGES) return
    run.program().signal('SIGCONT')
    further()
    await run.untilStored(stored + 1)
  }
}

/**
 * Kills the program at random places while records come in; each must be one job that ran once. A record is known by
 * its place alone: nothing in it is mapped to the inbox key.
 */
async function underKills(database: ProgramDatabase, kafka: KafkaService): Promise<void> {
  const topic = await makeTopic(kafka.brokers, { partitions: PARTITIONS })
  const subscription = {
    name: 'effect',
    handler: EFFECT,
    topics: [topic],
    group_id: topic,
    session_timeout: '2s',
    heartbeat_interval: '500ms',
  }
  const connections = { cluster: { brokers: kafka.brokers } }
  const integrations = { kafka: { connections, subscriptions: [subscription] } }
  const run = await startEffectRun(database, integrations, MESSAGES)
  const sender = await openConsoleSender(kafka, topic)
  onTestFinished(() => sender.close())
  const places = Array.from({ length: KILLS }, (_, index) =>
    Math.floor(((index + 0.1 + 0.8 * Math.random()) / KILLS) * MESSAGES * 0.9),
  )
  const committed = async (): Promise<number> => {
    const offsets = Object.values(await groupOffsets(kafka.brokers, topic, topic))
    return offsets.reduce((sum, offset) => sum + Math.max(0, offset), 0)
  }
  let end = 0
  const publishing = run.publish(async (key) => {
    const n = Number(key.slice(1))
    while (n >= end) await delay(20)
    const recordKey = `k${n % KEYS}`
    await sender.send({ key: recordKey, value: JSON.stringify({ key }) })
    await delay(PACE_MS * (0.5 + Math.random()))
  })
  let duplicates = 0
  for (const place of places) {
    end = place + AHEAD
    await run.untilStored(place)
    duplicates += (await subscriptionStatus(run.program())).duplicates
    await standBetween(run, committed, () => (end += 10))
    await run.kill()
  }
  end = MESSAGES
  await publishing
  await until(async () => {
    const lags = Object.values((await subscriptionStatus(run.program())).lags)
    return lags.length === PARTITIONS && lags.every((waiting) => waiting === 0)
  })
  const last = await subscriptionStatus(run.program())
  duplicates += last.duplicates
  await run.expectEachOnce({ places, duplicates })
  expect(duplicates).toBeGreaterThan(0)
  // Kafka's own word for it.
  expect(described(await kafka.tools.describeGroup(topic))).toEqual({
    committed: MESSAGES,
    lags: last.lags,
  })
  expect((await run.program().stop()).code).toBe(0)
}

describe('a process that is killed while records come in from Kafka', () => {
  it.for(killedDatabases('MariaDB'))(
    'makes one job of each record, by its place: on %s',
    { timeout: LIMIT_MS },
    async ([, open], { skip }) => {
      const kafka = await startOrSkip('kafka', sharedKafka)
      if (kafka === undefined) return skip('a server is not available')
      const database = await open()
      if (database === undefined) return skip('a server is not available')
      onTestFinished(() => database.stop())
      await underKills(database, kafka)
    },
  )
})
