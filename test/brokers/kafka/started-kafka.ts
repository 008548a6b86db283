import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import kafkajs, { type Kafka, type Producer } from 'kafkajs'
import type { z } from 'zod'
import { kafkaAdapter } from '../../../adapters/kafka/index.ts'
import { kafkaConnectionOptions } from '../../../adapters/kafka/options/connection.ts'
import { kafkaSubscriptionOptions } from '../../../adapters/kafka/options/subscription.ts'
import type { InboundMessage } from '../../../src/domain/message.ts'
import { silentLog } from '../../../src/observe/log.ts'
import type { Delivery, RunningAdapter } from '../../../src/ports/adapter.ts'
import type { ClientSlots } from '../../../src/ports/client-slots.ts'
import { OPEN_FLOW, type Flow } from '../../../src/ports/flow.ts'
import type { Log } from '../../../src/ports/log.ts'
import { adapterTools } from '../../services/adapter-tools.ts'

/** The Kafka adapter at work with one subscription, and what it has delivered. */
export interface StartedKafka {
  readonly adapter: RunningAdapter
  readonly delivered: InboundMessage[]
  /** Resolves when this holds. */
  until(holds: () => boolean): Promise<void>
  /** Resolves when its health is this. */
  untilHealth(status: string): Promise<void>
  bodies(): readonly string[]
}

/** What {@link startKafkaAdapter} starts. */
export interface StartedKafkaOptions {
  readonly connection: z.input<typeof kafkaConnectionOptions>
  readonly subscription: z.input<typeof kafkaSubscriptionOptions>
  readonly contentType?: 'json' | 'text' | 'binary'
  readonly deliver?: (messages: readonly InboundMessage[]) => Promise<readonly Delivery[]>
  readonly flow?: Flow
  readonly log?: Log
}

/** Every message of a delivery as stored. */
export async function stored(messages: readonly InboundMessage[]): Promise<readonly Delivery[]> {
  return messages.map((_, index) => ({ outcome: 'stored', jobId: `job ${index}` }))
}

const NO_SLOTS: ClientSlots = {
  take: async () => undefined,
}

/** A name that no other test has. */
export function freshName(prefix: string): string {
  return `${prefix}-${randomBytes(5).toString('hex')}`
}

/** Starts the adapter for one connection and one subscription `s`. */
export async function startKafkaAdapter(options: StartedKafkaOptions): Promise<StartedKafka> {
  const delivered: InboundMessage[] = []
  const deliver = options.deliver ?? stored
  const adapter = await kafkaAdapter.start({
    connection: { name: 'broker', options: kafkaConnectionOptions.parse(options.connection) },
    subscriptions: [
      {
        name: 's',
        contentType: options.contentType ?? 'json',
        options: kafkaSubscriptionOptions.parse(options.subscription),
        flow: options.flow ?? OPEN_FLOW,
      },
    ],
    publications: [],
    ...adapterTools({
      deliver: async (messages) => {
        const deliveries = await deliver(messages)
        deliveries.forEach(({ outcome }, index) => {
          const message = messages[index]
          if (message !== undefined && outcome !== 'refused') delivered.push(message)
        })
        return deliveries
      },
    }),
    http: {
      route: () => undefined,
      port: () => {
        throw new Error('Kafka has no HTTP port')
      },
    },
    jobs: { untilEnded: async () => ({ ended: false, status: undefined }) },
    slots: NO_SLOTS,
    instance: { name: freshName('test'), id: 'test-1' },
    log: options.log ?? silentLog,
    connected: () => undefined,
    failed: () => undefined,
  })
  return {
    adapter,
    delivered,
    until,
    untilHealth: (status) => until(() => adapter.health().status === status),
    bodies: () => delivered.map(({ body }) => Buffer.from(body).toString()),
  }
}

/** A client of the tests' own. */
export function kafkaClient(brokers: string): Kafka {
  const { Kafka: Client, logLevel } = kafkajs
  return new Client({ brokers: [brokers], clientId: 'tests', logLevel: logLevel.NOTHING })
}

/** Makes topics, quicker than the command line does. */
export async function makeTopics(
  brokers: string,
  topics: Readonly<Record<string, number>>,
): Promise<void> {
  const admin = kafkaClient(brokers).admin()
  await admin.connect()
  await admin.createTopics({
    topics: Object.entries(topics).map(([topic, numPartitions]) => ({ topic, numPartitions })),
    waitForLeaders: true,
  })
  await admin.disconnect()
}

/** Sends texts to a partition of a topic, one after the other. */
export async function sendTexts(
  brokers: string,
  topic: string,
  texts: readonly string[],
  more: { readonly partition?: number; readonly key?: string } = {},
): Promise<void> {
  const producer = kafkaClient(brokers).producer()
  await producer.connect()
  await sendWith(producer, topic, texts, more)
  await producer.disconnect()
}

/** The same with a producer that is there. */
async function sendWith(
  producer: Producer,
  topic: string,
  texts: readonly string[],
  more: { readonly partition?: number; readonly key?: string } = {},
): Promise<void> {
  await producer.send({ topic, messages: texts.map((value) => ({ value, ...more })) })
}

/** What a group has committed, by partition. */
export async function groupOffsets(
  brokers: string,
  groupId: string,
  topic: string,
): Promise<Readonly<Record<number, number>>> {
  const admin = kafkaClient(brokers).admin()
  await admin.connect()
  const [found] = await admin.fetchOffsets({ groupId, topics: [topic] })
  await admin.disconnect()
  return Object.fromEntries(
    (found?.partitions ?? []).map(({ partition, offset }) => [partition, Number(offset)]),
  )
}

/** Looks every few milliseconds. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  limitMs = 25_000,
): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${String(holds)}`)
    await delay(20)
  }
}
