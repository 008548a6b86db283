import { randomUUID } from 'node:crypto'
import kafkajs from 'kafkajs'

const { Kafka, logLevel } = kafkajs

/** Makes a topic with a name of its own, in milliseconds: Kafka's own command takes seconds to begin. */
export async function makeTopic(
  brokers: string,
  { partitions = 1, name = `topic-${randomUUID()}` } = {},
): Promise<string> {
  const admin = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    await admin.createTopics({
      waitForLeaders: true,
      topics: [{ topic: name, numPartitions: partitions, replicationFactor: 1 }],
    })
    return name
  } finally {
    await admin.disconnect()
  }
}
