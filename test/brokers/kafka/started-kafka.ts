import { randomBytes } from 'node:crypto'
import kafkajs, { type Kafka, type Producer } from 'kafkajs'
import type { z } from 'zod'
import { kafkaAdapter } from '../../../adapters/kafka/index.ts'
import type { kafkaConnectionOptions } from '../../../adapters/kafka/options/connection.ts'
import type { kafkaPublicationOptions } from '../../../adapters/kafka/options/publication.ts'
import type { kafkaSubscriptionOptions } from '../../../adapters/kafka/options/subscription.ts'
import {
  startAdapter,
  type StartedAdapter,
  type StartedAdapterOptions,
  until,
} from '../started-adapter.ts'

/** The Kafka adapter at work with one subscription, and what it has delivered. */
export interface StartedKafka extends StartedAdapter {
  /** Resolves when its health is this. */
  untilHealth(status: string): Promise<void>
}

type KafkaOptions = StartedAdapterOptions<
  typeof kafkaSubscriptionOptions,
  typeof kafkaConnectionOptions,
  typeof kafkaPublicationOptions
>

/** What {@link startKafkaAdapter} starts. */
export interface StartedKafkaOptions extends Pick<
  KafkaOptions,
  'connection' | 'contentType' | 'deliver' | 'flow' | 'log'
> {
  readonly subscription: z.input<typeof kafkaSubscriptionOptions>
}

/** A name that no other test has. */
export function freshName(prefix: string): string {
  return `${prefix}-${randomBytes(5).toString('hex')}`
}

/** Starts the adapter for one connection and one subscription `s`. */
export async function startKafkaAdapter({
  subscription,
  ...options
}: StartedKafkaOptions): Promise<StartedKafka> {
  const started = await startAdapter(kafkaAdapter, {
    ...options,
    subscriptions: { s: subscription },
    instanceName: freshName('test'),
  })
  return {
    ...started,
    untilHealth: (status) => until(() => started.adapter.health().status === status),
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
