import kafkajs, {
  type ICustomPartitioner,
  type Message,
  type Producer,
  type TopicMessages,
} from 'kafkajs'
import type {
  KafkaProducer,
  KafkaServer,
  OutgoingRecord,
  ProducerSettings,
  Sending,
} from '../driver.ts'
import { createClient } from './client.ts'
import { failureText, isConnectionFailure, isPermanent, isUnsent } from './failure.ts'
import { keepLooking } from './presence.ts'

const { CompressionTypes, Partitioners } = kafkajs

const ACKS = { all: -1, leader: 1, none: 0 } as const
const COMPRESSION = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
} as const

/** A record, as the library is given it. */
interface Outgoing {
  readonly record: OutgoingRecord
  readonly message: Message
}

/**
 * Sends one call after another, so that the records of a partition keep their order: with several requests under way the
 * library's repeats would overtake each other.
 */
export function openProducer(server: KafkaServer, settings: ProducerSettings): KafkaProducer {
  const client = createClient(server)
  const placed = new WeakMap<Message, number>()
  const makeProducer = (): Producer =>
    client.producer({
      idempotent: settings.idempotent,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: () => notingPartitioner(placed),
    })
  let producer = makeProducer()
  const presence = keepLooking(client, server.log)
  let isConnected = false
  let line: Promise<unknown> = Promise.resolve()
  let isStopped = false

  async function connect(): Promise<void> {
    if (isConnected) return
    await producer.connect()
    isConnected = true
  }

  /**
   * After a failure the library gives the sequence numbers of what it has sent to what it sends next. A broker that has the
   * former takes the latter for it, confirms it and drops it. So what failed ends its producer: the next one is given an id of
   * its own.
   */
  function renew(): void {
    if (!settings.idempotent || !isConnected) return
    const former = producer
    producer = makeProducer()
    isConnected = false
    void former.disconnect().catch(() => undefined)
  }

  async function send(
    all: readonly Outgoing[],
    timeoutMs: number,
    deadline: number,
  ): Promise<readonly Sending[]> {
    try {
      await connect()
      const results = await producer.sendBatch({
        acks: ACKS[settings.acks],
        compression: COMPRESSION[settings.compression],
        timeout: timeoutMs,
        topicMessages: byTopic(all),
      })
      const bases = new Map(
        results.map(({ topicName, partition, baseOffset }) => [
          `${topicName}/${partition}`,
          baseOffset === undefined || baseOffset === '-1' ? undefined : BigInt(baseOffset),
        ]),
      )
      return all.map(({ record, message }): Sending => {
        const partition = placed.get(message) ?? 0
        const key = `${record.topic}/${partition}`
        // The library leaves out, without a word, what is for a partition that it does not find.
        if (settings.acks !== 'none' && !bases.has(key)) {
          const error = `the topic ${record.topic} has no partition ${partition}`
          return { outcome: 'refused', error, permanent: false }
        }
        const offset = bases.get(key)
        if (offset !== undefined) bases.set(key, offset + 1n)
        return { outcome: 'sent', partition, offset }
      })
    } catch (error) {
      renew()
      if (isConnectionFailure(error)) presence.lost(error)
      // One that the broker does not want takes its neighbours along, until it stands alone.
      if (all.length > 1 && isPermanent(error) && performance.now() < deadline) {
        const half = Math.ceil(all.length / 2)
        const first = await send(all.slice(0, half), timeoutMs, deadline)
        return [...first, ...(await send(all.slice(half), timeoutMs, deadline))]
      }
      const outcome = outcomeOf(error)
      return all.map(() => outcome)
    }
  }

  let stopping: Promise<void> | undefined
  return {
    start: () => {
      presence.start()
    },
    onConnected: (listener) => presence.onChange(listener),
    send: (records, timeoutMs) => {
      const all = records.map((record) => ({ record, message: messageOf(record) }))
      const sent = line.then(async () => {
        if (isStopped)
          return all.map((): Sending => ({ outcome: 'unsent', error: 'it has stopped' }))
        return await send(all, timeoutMs, performance.now() + timeoutMs)
      })
      line = sent
      return sent
    },
    stop: () =>
      (stopping ??= (async () => {
        await line
        isStopped = true
        presence.stop()
        await producer.disconnect().catch(() => undefined)
      })()),
  }
}

/**
 * As Kafka's own clients choose, noting what was chosen: the library does not say. It chooses again for each of its repeats,
 * and one of another partition would be taken there for the record that had its sequence number.
 */
function notingPartitioner(placed: WeakMap<Message, number>): ReturnType<ICustomPartitioner> {
  const choose = Partitioners.DefaultPartitioner()
  return (given) => {
    const partition = placed.get(given.message) ?? choose(given)
    placed.set(given.message, partition)
    return partition
  }
}

function messageOf({ key, value, headers, partition }: OutgoingRecord): Message {
  const named = new Map<string, Buffer | (Buffer | string)[]>()
  for (const [name, bytes] of headers) {
    const former = named.get(name)
    if (former === undefined) named.set(name, bytes)
    else named.set(name, [...(Array.isArray(former) ? former : [former]), bytes])
  }
  // Which defines its members: a header named __proto__ is only a header.
  const own = Object.fromEntries(named)
  return { key, value, headers: own, ...(partition !== undefined && { partition }) }
}

function byTopic(all: readonly Outgoing[]): TopicMessages[] {
  return [...Map.groupBy(all, ({ record }) => record.topic)].map(([topic, some]) => ({
    topic,
    messages: some.map(({ message }) => message),
  }))
}

function outcomeOf(error: unknown): Sending {
  const text = failureText(error)
  if (isPermanent(error)) return { outcome: 'refused', error: text, permanent: true }
  if (isUnsent(error)) return { outcome: 'unsent', error: text }
  if (isConnectionFailure(error)) return { outcome: 'unconfirmed', error: text }
  return { outcome: 'refused', error: text, permanent: false }
}
