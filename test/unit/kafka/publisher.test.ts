import { describe, expect, it } from 'vitest'
import type { z } from 'zod'
import type { KafkaServer } from '../../../adapters/kafka/driver.ts'
import { kafkaPublicationOptions } from '../../../adapters/kafka/options/publication.ts'
import { openPublisher } from '../../../adapters/kafka/outbound/publisher.ts'
import { systemClock } from '../../../src/app/system-clock.ts'
import { silentLog } from '../../../src/observe/log.ts'
import type { OutboundMessage } from '../../../src/ports/outbound.ts'
import { memoryProducer, values, type MemoryProducer } from './memory-producer.ts'

/** Of one who waits for ever. */
const SIGNAL = new AbortController().signal

const SERVER: KafkaServer = {
  brokers: ['127.0.0.1:9092'],
  clientId: 'test',
  tls: undefined,
  sasl: undefined,
  connectTimeoutMs: 1_000,
  requestTimeoutMs: 1_000,
  log: silentLog,
}

function open(publications: Readonly<Record<string, z.input<typeof kafkaPublicationOptions>>>) {
  const producers: MemoryProducer[] = []
  const said: boolean[] = []
  const publisher = openPublisher({
    driver: {
      producer: (_server, settings) => {
        const producer = memoryProducer(settings)
        producers.push(producer)
        return producer
      },
    },
    server: SERVER,
    publications: Object.entries(publications).map(([name, options]) => ({
      name,
      options: kafkaPublicationOptions.parse(options),
      timeoutMs: 5_000,
    })),
    connected: (is) => said.push(is),
    clock: systemClock,
  })
  const producer = (index = 0): MemoryProducer => {
    const found = producers[index]
    if (found === undefined) throw new Error(`there is no producer ${index}`)
    return found
  }
  return { publisher, producers, producer, isConnected: () => said.at(-1) }
}

function message(id: string, given: Partial<OutboundMessage> = {}): OutboundMessage {
  return {
    id,
    payload: Buffer.from(id),
    contentType: undefined,
    key: undefined,
    headers: {},
    target: { topic: 'orders' },
    attempt: 1,
    ...given,
  }
}

describe('publications of Kafka', () => {
  it('share a producer where they send alike', () => {
    const { producers } = open({
      one: { topic: 'a' },
      two: { topic: 'b' },
      packed: { topic: 'c', compression: 'gzip' },
      quick: { topic: 'd', acks: 'leader' },
    })
    expect(producers.map(({ settings }) => settings)).toEqual([
      { acks: 'all', idempotent: true, compression: 'none' },
      { acks: 'all', idempotent: true, compression: 'gzip' },
      { acks: 'leader', idempotent: false, compression: 'none' },
    ])
    expect(producers.every(({ isStarted }) => isStarted)).toBe(true)
  })

  it('are connected while every producer is, and say why not', () => {
    const { publisher, producer, isConnected } = open({
      one: { topic: 'a' },
      packed: { topic: 'c', compression: 'gzip' },
    })
    expect(isConnected()).toBe(false)
    producer(0).connected(true)
    expect(isConnected()).toBe(false)
    producer(1).connected(true)
    expect(isConnected()).toBe(true)
    expect(publisher.problem()).toBeUndefined()
    producer(0).connected(false, 'connect ECONNREFUSED 127.0.0.1:9092')
    expect(isConnected()).toBe(false)
    expect(publisher.problem()).toMatch(/ECONNREFUSED/)
  })

  it('send nothing while the brokers are away', async () => {
    const { publisher, producer } = open({ one: { topic: 'a' } })
    producer().connected(false, 'nobody there')
    const sent = await publisher.publish('one', [message('m1')], SIGNAL)
    expect(sent).toEqual([
      { outcome: 'unsent', error: 'not connected to the brokers: nobody there' },
    ])
    expect(producer().requests).toEqual([])
  })

  it('refuse for good what no record can be, and send the others', async () => {
    const { publisher, producer } = open({ one: { topic: 'a' } })
    producer().connected(true)
    const messages = [
      message('m1'),
      message('m2', { target: { topic: 'no topic' } }),
      message('m3'),
    ]
    const sent = await publisher.publish('one', messages, SIGNAL)
    expect(sent.map(({ outcome }) => outcome)).toEqual(['published', 'refused', 'published'])
    expect(sent[1]).toMatchObject({ permanent: true })
    expect(producer().requests.map(values)).toEqual([['m1', 'm3']])
  })

  it('do not know a publication of another name', async () => {
    const { publisher } = open({ one: { topic: 'a' } })
    const [sent] = await publisher.publish('two', [message('m1')], SIGNAL)
    expect(sent).toMatchObject({ outcome: 'unsent' })
  })

  it('end when what is under way is confirmed, and may be told twice', async () => {
    const { publisher, producer } = open({ one: { topic: 'a' } })
    producer().connected(true)
    const { promise, resolve } = Promise.withResolvers<void>()
    producer().held = promise
    const sending = publisher.publish('one', [message('m1')], SIGNAL)
    const stopping = publisher.stop()
    await Promise.resolve()
    expect(producer().isStopped).toBe(false)
    resolve()
    expect(await sending).toMatchObject([{ outcome: 'published' }])
    await stopping
    expect(producer().isStopped).toBe(true)
    await publisher.stop()
  })
})
