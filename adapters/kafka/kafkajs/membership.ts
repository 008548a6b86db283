import type { Kafka } from 'kafkajs'
import type {
  ConsumerEvents,
  ConsumerSettings,
  PartitionOffset,
  TopicPartition,
} from '../driver.ts'
import { atMost } from '../patience.ts'
import { batchOf } from './records.ts'

/** What {@link joinGroup} needs. */
export interface MembershipOptions {
  readonly client: Kafka
  readonly settings: ConsumerSettings
  /** They exist. */
  readonly topics: readonly string[]
  readonly events: Pick<ConsumerEvents, 'rebalancing' | 'fetched' | 'alive'>
  /** These are ours now. `isFresh`: whatever was ours before is not, even where it is among them. */
  readonly joined: (partitions: readonly TopicPartition[], isFresh: boolean) => void
  /** It has stopped by itself. */
  readonly crashed: (error: unknown) => void
}

/** One consumer of the library, for topics that stay the same. */
export interface Membership {
  pause(partitions: readonly TopicPartition[]): void
  resume(partitions: readonly TopicPartition[]): void
  seek(position: PartitionOffset): void
  commit(offsets: readonly PartitionOffset[]): Promise<void>
  leave(): Promise<void>
}

/** How long a request for records may wait at the broker; what has been resumed waits for it as well. */
const MAX_WAIT_MS = 500
/** Of one answer. The library holds one for each broker. */
const MAX_BYTES = 4 * 1024 * 1024
/** The library stops in good order, or not at all. */
const LEAVE_LIMIT_MS = 5_000

/**
 * Joins the group. Batches are handed on at once, and their offsets are committed apart: so the library's loop, which also
 * sends the heartbeats, never waits for a database. It is never left to start itself again: that took half a minute after
 * an outage, and told nobody.
 */
export async function joinGroup(options: MembershipOptions): Promise<Membership> {
  const { client, settings, topics, events } = options
  const consumer = client.consumer({
    groupId: settings.groupId,
    sessionTimeout: settings.sessionTimeoutMs,
    rebalanceTimeout: settings.rebalanceTimeoutMs,
    heartbeatInterval: settings.heartbeatIntervalMs,
    metadataMaxAge: settings.refreshIntervalMs,
    maxBytesPerPartition: settings.maxBytesPerPartition,
    maxBytes: MAX_BYTES,
    maxWaitTimeInMs: MAX_WAIT_MS,
    allowAutoTopicCreation: false,
    retry: { retries: 5, initialRetryTime: 100, restartOnFailure: async () => false },
  })
  /** Where the next record of a partition stands that we have not handed on. */
  const positions = new Map<string, bigint>()
  let ours = new Set<string>()
  let memberId: string | undefined
  let isLeaving = false

  consumer.on('consumer.group_join', ({ payload }) => {
    const partitions = Object.entries(payload.memberAssignment).flatMap(([topic, all]) =>
      all.map((partition) => ({ topic, partition })),
    )
    // Whoever had to introduce himself anew was away, and others had his partitions meanwhile.
    const isFresh = memberId !== payload.memberId
    memberId = payload.memberId
    ours = new Set(partitions.map(keyOf))
    for (const key of positions.keys()) {
      if (isFresh || !ours.has(key)) positions.delete(key)
    }
    // The library would begin again at what is committed.
    for (const one of partitions) {
      const position = positions.get(keyOf(one))
      if (position !== undefined) seek({ ...one, offset: position })
    }
    options.joined(partitions, isFresh)
  })
  consumer.on('consumer.rebalancing', () => {
    void events.rebalancing()
  })
  consumer.on('consumer.fetch', events.alive)
  consumer.on('consumer.heartbeat', events.alive)
  consumer.on('consumer.crash', ({ payload }) => {
    if (!isLeaving) options.crashed(payload.error)
  })
  // Nothing but marks of transactions: such a batch is not handed out.
  consumer.on('consumer.start_batch_process', ({ payload }) => {
    const { topic, partition, batchSize, lastOffset } = payload
    if (batchSize > 0) return
    handOn({ topic, partition, records: [], nextOffset: BigInt(lastOffset) + 1n })
  })

  function handOn(batch: Parameters<ConsumerEvents['fetched']>[0]): void {
    const key = keyOf(batch)
    if (!ours.has(key)) return
    positions.set(key, batch.nextOffset)
    events.fetched(batch)
  }

  function seek({ topic, partition, offset }: PartitionOffset): void {
    consumer.seek({ topic, partition, offset: String(offset) })
  }

  const leave = async (): Promise<void> => {
    isLeaving = true
    ours = new Set()
    await atMost(LEAVE_LIMIT_MS, consumer.disconnect())
  }

  try {
    await consumer.connect()
    await consumer.subscribe({ topics: [...topics], fromBeginning: settings.start === 'earliest' })
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        handOn(batchOf(batch))
      },
    })
  } catch (error) {
    await leave().catch(() => undefined)
    throw error
  }
  return {
    pause: (partitions) => {
      if (partitions.length > 0) consumer.pause(byTopic(partitions))
    },
    resume: (partitions) => {
      if (partitions.length > 0) consumer.resume(byTopic(partitions))
    },
    seek,
    commit: async (offsets) => {
      const mine = offsets.filter((one) => ours.has(keyOf(one)))
      if (mine.length === 0) return
      await consumer.commitOffsets(mine.map((one) => ({ ...one, offset: String(one.offset) })))
    },
    leave,
  }
}

/** Names a partition among others. */
export function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}

function byTopic(partitions: readonly TopicPartition[]) {
  return [...Map.groupBy(partitions, ({ topic }) => topic)].map(([topic, some]) => ({
    topic,
    partitions: some.map(({ partition }) => partition),
  }))
}
