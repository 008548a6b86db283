import { randomUUID } from 'node:crypto'
import kafkajs from 'kafkajs'

const { Kafka, logLevel } = kafkajs

type Admin = ReturnType<InstanceType<typeof Kafka>['admin']>

/** Makes a topic with a name of its own, in milliseconds: Kafka's own command takes seconds to begin. */
export function makeTopic(
  brokers: string,
  { partitions = 1, name = `topic-${randomUUID()}` } = {},
): Promise<string> {
  return withAdmin(brokers, async (admin) => {
    await admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic: name, numPartitions: partitions, replicationFactor: 1 }],
    })
    return name
  })
}

/** What a group has committed, by partition; -1: nothing. */
export function groupOffsets(
  brokers: string,
  groupId: string,
  topic: string,
): Promise<Readonly<Record<number, number>>> {
  return withAdmin(brokers, async (admin) => {
    const [found] = await admin.fetchOffsets({ groupId, topics: [topic] })
    return Object.fromEntries(
      (found?.partitions ?? []).map(({ partition, offset }) => [partition, Number(offset)]),
    )
  })
}

/** The group, which nobody is in, begins anew. */
export function forgetGroup(brokers: string, groupId: string): Promise<void> {
  return withAdmin(brokers, async (admin) => {
    await admin.deleteGroups([groupId])
  })
}

async function withAdmin<T>(brokers: string, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}
