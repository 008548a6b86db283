import { setTimeout as delay } from 'node:timers/promises'
import kafkajs from 'kafkajs'
import type { KafkaService } from './kafka-service.ts'

const { Kafka, logLevel } = kafkajs

/** Sends by Kafka's own console producer, and knows when the broker has what it sent. */
export interface ConsoleSender {
  /** One record; resolves when the broker has it, also where it is away meanwhile. Records leave in the order of the calls. */
  send(record: ConsoleRecord): Promise<void>
  /** Ends the tool. @throws Error when it failed */
  close(): Promise<void>
}

/** What a line of the tool can say: none of it has tabs, line ends or, in a header, a comma or a colon. */
export interface ConsoleRecord {
  readonly key: string
  readonly value: string
  readonly headers?: Readonly<Record<string, string>>
}

const NOTHING = 'NULL'
const READER = ['parse.headers=true', 'parse.key=true', `null.marker=${NOTHING}`]

/**
 * Opens it for a topic that nobody else writes to: the tool does not say what became of a record, and so the broker is asked
 * how many there are.
 */
export async function openConsoleSender(
  { brokers, tools }: Pick<KafkaService, 'brokers' | 'tools'>,
  topic: string,
): Promise<ConsoleSender> {
  const admin = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  const producer = tools.openProducer(
    topic,
    READER.flatMap((property) => ['--reader-property', property]),
  )
  let sent = 0
  let waiting: { readonly number: number; readonly resolve: () => void }[] = []
  let isLooking = false
  let isClosed = false

  async function look(): Promise<void> {
    if (isLooking) return
    isLooking = true
    while (waiting.length > 0 && !isClosed) {
      const offsets = await admin.fetchTopicOffsets(topic).catch(() => [])
      const there = offsets.reduce((sum, { high }) => sum + Number(high), 0)
      const arrived = waiting.filter(({ number }) => number <= there)
      waiting = waiting.filter(({ number }) => number > there)
      for (const { resolve } of arrived) resolve()
      await delay(10)
    }
    isLooking = false
  }

  return {
    send: ({ key, value, headers = {} }) => {
      const named = Object.entries(headers).map(([name, one]) => `${name}:${one}`)
      producer.write([named.join() || NOTHING, key, value].join('\t'))
      sent += 1
      const number = sent
      return new Promise((resolve) => {
        waiting.push({ number, resolve })
        void look()
      })
    },
    close: async () => {
      isClosed = true
      await producer.end()
      await admin.disconnect()
    },
  }
}
