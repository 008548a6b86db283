import kafkajs, { type Producer } from 'kafkajs'
import { openConsoleSender, type ConsoleSender } from '../../services/kafka-console-sender.ts'
import type { KafkaService } from '../../services/kafka-service.ts'
import type { SentMessage, SubscriptionName } from './adapter-target.ts'

const { Kafka, Partitioners, logLevel } = kafkajs

/** Sends the messages of the suite, each with its key as a header. Not through the passage: what it sends is not the program's. */
export interface KafkaSender {
  send(messages: readonly SentMessage[], to: SubscriptionName): Promise<void>
  close(): Promise<void>
}

/**
 * What most cases send goes by Kafka's own console producer: one process for all of them. It knows lines of text alone, and each
 * topic would be one more process: the others go by a client library.
 */
export function openSender(
  broker: KafkaService,
  topicOf: (name: SubscriptionName) => string,
): KafkaSender {
  let own: Promise<ConsoleSender> | undefined
  let library: Promise<Producer> | undefined
  const headersOf = ({ key, headers }: SentMessage): Record<string, string> => ({
    ...headers,
    'idempotency-key': key,
  })
  const bodyOf = ({ key, body }: SentMessage): Buffer =>
    Buffer.from(body ?? Buffer.from(JSON.stringify({ key })))
  return {
    send: async (messages, to) => {
      if (to === 'json') {
        const sender = await (own ??= openConsoleSender(broker, topicOf(to)))
        const sending = messages.map((message) => {
          const { key, line = key } = message
          return sender.send({
            key: line,
            value: bodyOf(message).toString(),
            headers: headersOf(message),
          })
        })
        await Promise.all(sending)
        return
      }
      const producer = await (library ??= openProducer(broker.brokers))
      await producer.send({
        topic: topicOf(to),
        messages: messages.map((message) => ({
          key: message.line ?? message.key,
          value: bodyOf(message),
          headers: headersOf(message),
        })),
      })
    },
    close: async () => {
      await (await own)?.close()
      await (await library)?.disconnect()
    },
  }
}

async function openProducer(brokers: string): Promise<Producer> {
  const client = new Kafka({
    brokers: [brokers],
    logLevel: logLevel.NOTHING,
    retry: { retries: 30 },
  })
  const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  return producer
}
