import kafkajs from 'kafkajs'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { kafkajsDriver } from '../../../adapters/kafka/kafkajs/driver.ts'
import { silentLog } from '../../../src/observe/log.ts'
import { groupOffsets } from '../../services/kafka-admin.ts'
import type { KafkaService } from '../../services/kafka-service.ts'
import { startOrSkip } from '../../services/require.ts'
import { loanKafka, sharedKafka } from '../../services/shared-servers.ts'
import { stored, until } from '../started-adapter.ts'
import {
  freshName,
  makeTopics,
  sendTexts,
  startKafkaAdapter,
  type StartedKafka,
  type StartedKafkaOptions,
} from './started-kafka.ts'

let broker: KafkaService | undefined
let cleanUps: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  broker = await startOrSkip('kafka', sharedKafka)
})

afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  cleanUps = []
})

const IS_LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'
const PARTITIONS = 4
/** A member that is gone is noticed soon. */
const QUICK = {
  session_timeout: 3,
  heartbeat_interval: '300ms',
  rebalance_timeout: 5,
  refresh_interval: 1,
} as const

async function member(
  service: KafkaService,
  subscription: StartedKafkaOptions['subscription'],
  more: Partial<StartedKafkaOptions> = {},
): Promise<StartedKafka> {
  const started = await startKafkaAdapter({
    ...more,
    subscription: { ...QUICK, ...subscription },
    connection: { brokers: [service.brokers] },
  })
  cleanUps.push(() => started.adapter.stop())
  return started
}

function texts(count: number): readonly string[] {
  return Array.from({ length: count }, (_, n) => String(n))
}

/** Sends a hundred numbers to each partition. */
async function sendToAll(service: KafkaService, topic: string, all = texts(100)): Promise<void> {
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    await sendTexts(service.brokers, topic, all, { partition })
  }
}

/** What was delivered of a partition, each record once, in the order of their first deliveries. */
function ofPartition(members: readonly StartedKafka[], partition: number): readonly string[] {
  const bodies = members
    .flatMap(({ delivered }) => delivered)
    .filter(({ facts }) => facts?.['partition'] === partition)
    .map(({ body }) => Buffer.from(body).toString())
  return [...new Set(bodies)]
}

describe('a group of instances on Kafka', () => {
  it('shares the partitions, loses nothing when one joins and one leaves, and commits everything', async ({
    skip,
  }) => {
    if (broker === undefined) return skip()
    const service = broker
    const [topic, group] = [freshName('shared'), freshName('group')]
    await makeTopics(service.brokers, { [topic]: PARTITIONS })
    const subscription = { topics: [topic], group_id: group }
    const one = await member(service, subscription)
    await one.untilHealth('ok')
    await sendToAll(service, topic)
    const two = await member(service, subscription)
    await two.untilHealth('ok')
    await sendToAll(service, topic, ['a', 'b'])
    await until(() => [one, two].flatMap(({ delivered }) => delivered).length >= PARTITIONS * 102)
    expect(one.delivered.length).toBeGreaterThan(0)
    expect(two.delivered.length).toBeGreaterThan(0)
    await one.adapter.stop()
    await sendToAll(service, topic, ['c'])
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      await until(() => ofPartition([one, two], partition).length === 103)
      expect(ofPartition([one, two], partition)).toEqual([...texts(100), 'a', 'b', 'c'])
    }
    await until(async () =>
      Object.values(await groupOffsets(service.brokers, group, topic)).every(
        (offset) => offset === 103,
      ),
    )
  })

  it('hands over what a member held and never stored', async ({ skip }) => {
    if (broker === undefined) return skip()
    const service = broker
    const [topic, group] = [freshName('held'), freshName('group')]
    await makeTopics(service.brokers, { [topic]: PARTITIONS })
    const subscription = { topics: [topic], group_id: group }
    await sendToAll(service, topic)
    const hangs = Promise.withResolvers<undefined>()
    const one = await member(service, subscription, {
      deliver: async (messages) => {
        await hangs.promise
        return await stored(messages)
      },
    })
    await one.untilHealth('ok')
    const two = await member(service, subscription)
    await until(() => two.delivered.length >= 100)
    const stopping = one.adapter.stop()
    hangs.resolve(undefined)
    await stopping
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      await until(() => ofPartition([two, one], partition).length === 100)
    }
    await until(async () =>
      Object.values(await groupOffsets(service.brokers, group, topic)).every(
        (offset) => offset === 100,
      ),
    )
  })
})

describe('a broker of Kafka that goes and comes back', { timeout: 120_000 }, () => {
  it('is told, and messages come in again by themselves, each in its order', async ({ skip }) => {
    if (broker === undefined) return skip()
    if (!(broker.origin === 'maven')) return skip('the broker is not ours to stop')
    const service = await loanKafka()
    cleanUps.push(() => service.stop())
    const [topic, group] = [freshName('away'), freshName('group')]
    await makeTopics(service.brokers, { [topic]: PARTITIONS })
    const one = await member(service, { topics: [topic], group_id: group })
    await one.untilHealth('ok')
    await sendToAll(service, topic)
    await until(() => one.delivered.length >= PARTITIONS * 100)
    await service.kill()
    await one.untilHealth('down')
    await service.restart()
    await until(() => one.adapter.health().status === 'ok', 60_000)
    await sendToAll(service, topic, ['after'])
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      await until(() => ofPartition([one], partition).length === 101, 60_000)
      expect(ofPartition([one], partition)).toEqual([...texts(100), 'after'])
    }
  })

  it.runIf(IS_LONG)('may be away at the start', async ({ skip }) => {
    if (broker === undefined) return skip()
    if (!(broker.origin === 'maven')) return skip('the broker is not ours to stop')
    const service = await loanKafka()
    cleanUps.push(() => service.stop())
    const topic = freshName('later')
    await makeTopics(service.brokers, { [topic]: PARTITIONS })
    await service.kill()
    const one = await member(service, { topics: [topic] })
    await one.untilHealth('down')
    await service.restart()
    await sendToAll(service, topic)
    await until(() => one.delivered.length >= PARTITIONS * 100, 60_000)
  })

  it.runIf(IS_LONG)('may hang: the consumer that hears nothing is made anew', async ({ skip }) => {
    if (broker === undefined) return skip()
    if (!(broker.origin === 'maven')) return skip('the broker is not ours to stop')
    const service = await loanKafka()
    cleanUps.push(() => service.stop())
    const topic = freshName('hung')
    await makeTopics(service.brokers, { [topic]: PARTITIONS })
    const one = await member(service, { topics: [topic] })
    await one.untilHealth('ok')
    service.pause()
    await until(() => one.adapter.health().status === 'down', 60_000)
    service.resume()
    await until(() => one.adapter.health().status === 'ok', 60_000)
    await sendToAll(service, topic)
    await until(() => one.delivered.length >= PARTITIONS * 100, 60_000)
  })
})

describe('a consumer that is given up while it joins', () => {
  it('leaves its group once it has joined: nobody else would, and its partitions would stand still', async ({
    skip,
  }) => {
    if (broker === undefined) return skip()
    const [topic, groupId] = [freshName('ghost'), freshName('group')]
    await makeTopics(broker.brokers, { [topic]: 2 })
    await sendTexts(broker.brokers, topic, ['x'])
    const client = new kafkajs.Kafka({
      clientId: 'first',
      brokers: [broker.brokers],
      logLevel: kafkajs.logLevel.NOTHING,
    })
    const admin = client.admin()
    await admin.connect()
    cleanUps.push(() => admin.disconnect())
    const first = client.consumer({ groupId, heartbeatInterval: 300 })
    cleanUps.push(() => first.disconnect())
    const isHeld = Promise.withResolvers<undefined>()
    const release = Promise.withResolvers<undefined>()
    await first.connect()
    await first.subscribe({ topics: [topic], fromBeginning: true })
    // While it works it does not join anew, and so nobody else can.
    await first.run({
      eachMessage: async () => {
        isHeld.resolve(undefined)
        await release.promise
      },
    })
    await isHeld.promise
    const nothing = (): void => undefined
    const ghost = kafkajsDriver.consumer(
      {
        brokers: [broker.brokers],
        clientId: 'ghost',
        tls: undefined,
        sasl: undefined,
        connectTimeoutMs: 5_000,
        requestTimeoutMs: 30_000,
        log: silentLog,
      },
      {
        groupId,
        topics: [topic],
        start: 'earliest',
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 30_000,
        heartbeatIntervalMs: 300,
        refreshIntervalMs: 60_000,
        maxBytesPerPartition: 100_000,
      },
      {
        assigned: nothing,
        rebalancing: async () => undefined,
        fetched: nothing,
        alive: nothing,
        missing: nothing,
        failed: nothing,
      },
    )
    const members = async (): Promise<readonly string[]> => {
      const { groups } = await admin.describeGroups([groupId])
      return groups.flatMap(({ state, members: all }) =>
        state === 'Stable' ? all.map(({ clientId }) => clientId) : [state],
      )
    }
    const starting = ghost.start().catch(nothing)
    await until(async () => (await members()).includes('PreparingRebalance'))
    await ghost.stop()
    release.resolve(undefined)
    await starting
    await until(async () => (await members()).join() === 'first')
  })
})
