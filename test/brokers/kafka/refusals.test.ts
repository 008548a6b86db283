import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeTopic } from '../../services/kafka-admin.ts'
import type { KafkaService } from '../../services/kafka-service.ts'
import { startKafka } from '../../services/kafka.ts'
import { startOrSkip } from '../../services/require.ts'
import { outMessage, startPublisher } from './started-publisher.ts'

/** Small messages, and nobody may write who signs in. */
const SETTINGS = [
  'message.max.bytes=20000',
  'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users=User:ANONYMOUS',
]

let broker: KafkaService | undefined

beforeAll(async () => {
  broker = await startOrSkip('kafka', () => startKafka({ settings: SETTINGS }))
})

afterAll(() => broker?.stop())

function outcomes(sent: readonly { readonly outcome: string; readonly permanent?: boolean }[]) {
  return sent.map(({ outcome, permanent }) => (permanent === true ? 'refused for good' : outcome))
}

describe('what Kafka refuses', { timeout: 60_000 }, () => {
  it('for its size is refused for good, and the others of its batch arrive in their order', async ({
    skip,
  }) => {
    if (broker?.controllable !== true) return skip('there is no Kafka with settings of ours')
    const topic = await makeTopic(broker.brokers)
    const { publish, untilConnected } = await startPublisher({
      connection: { brokers: broker.brokers },
    })
    await untilConnected()
    const big = { payload: Buffer.alloc(30_000, 'x'), key: 'k' }
    const sent = await publish([
      outMessage('m1', topic, { key: 'k' }),
      outMessage('m2', topic, big),
      outMessage('m3', topic, { key: 'k' }),
      outMessage('m4', topic, { key: 'k' }),
    ])
    expect(outcomes(sent)).toEqual([...['published', 'refused for good', 'published', 'published']])
    expect(sent[1]).toMatchObject({ error: expect.stringMatching(/MESSAGE_TOO_LARGE/) as unknown })
    expect(await broker.tools.consume(topic, 3)).toEqual(['m1', 'm3', 'm4'])
  })

  it('together, for all of it is too much for one request, arrives in several', async ({
    skip,
  }) => {
    if (broker?.controllable !== true) return skip('there is no Kafka with settings of ours')
    const topic = await makeTopic(broker.brokers)
    const { publish, untilConnected } = await startPublisher({
      connection: { brokers: broker.brokers },
    })
    await untilConnected()
    const payload = Buffer.alloc(4_000, 'x')
    const sent = await publish(
      Array.from({ length: 30 }, (_, n) => outMessage(`m${n}`, topic, { payload })),
    )
    expect(new Set(outcomes(sent))).toEqual(new Set(['published']))
  })

  it('for want of the topic is tried again, and the other topics of its batch are not', async ({
    skip,
  }) => {
    if (broker === undefined) return skip('there is no Kafka')
    const topic = await makeTopic(broker.brokers)
    const { publish, untilConnected } = await startPublisher({
      connection: { brokers: broker.brokers },
    })
    await untilConnected()
    const sent = await publish([outMessage('m1', 'not-there'), outMessage('m2', topic)])
    expect(outcomes(sent)).toEqual(['refused', 'published'])
    expect(sent[0]).toMatchObject({
      error: expect.stringMatching(/UNKNOWN_TOPIC|topic/) as unknown,
    })
  })

  it('for want of the right to write is refused for good', async ({ skip }) => {
    if (broker?.saslBrokers === undefined) return skip('there is no Kafka with settings of ours')
    const topic = await makeTopic(broker.brokers)
    const { publish, untilConnected } = await startPublisher({
      connection: {
        brokers: broker.saslBrokers,
        sasl: { mechanism: 'plain', ...broker.accounts.plain },
      },
    })
    await untilConnected()
    const sent = await publish([outMessage('m1', topic), outMessage('m2', topic)])
    expect(outcomes(sent)).toEqual(['refused for good', 'refused for good'])
    expect(sent[0]).toMatchObject({ error: expect.stringMatching(/AUTHORIZATION/) as unknown })
  })
})
