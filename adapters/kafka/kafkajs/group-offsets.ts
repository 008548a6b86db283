import type { Admin } from 'kafkajs'
import type { TopicPartition } from '../driver.ts'
import { keyOf } from './membership.ts'

/** Where the next record of each partition will stand, by its key. */
export async function endOffsets(
  admin: Admin,
  partitions: readonly TopicPartition[],
): Promise<ReadonlyMap<string, bigint>> {
  const ends = new Map<string, bigint>()
  await Promise.all(
    topicsOf(partitions).map(async (topic) => {
      for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
        ends.set(keyOf({ topic, partition }), BigInt(high))
      }
    }),
  )
  return ends
}

/** What the group has committed, by the partition's key; of partitions where it has nothing there is none. */
export async function committedOffsets(
  admin: Admin,
  groupId: string,
  partitions: readonly TopicPartition[],
): Promise<ReadonlyMap<string, bigint>> {
  const topics = topicsOf(partitions)
  if (topics.length === 0) return new Map()
  const found = await admin.fetchOffsets({ groupId, topics: [...topics] })
  return new Map(
    found.flatMap(({ topic, partitions: some }) =>
      some
        .filter(({ offset }) => BigInt(offset) >= 0n)
        .map(({ partition, offset }) => [keyOf({ topic, partition }), BigInt(offset)] as const),
    ),
  )
}

function topicsOf(partitions: readonly TopicPartition[]): readonly string[] {
  return [...new Set(partitions.map(({ topic }) => topic))]
}
