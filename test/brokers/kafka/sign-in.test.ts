import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { KafkaService } from '../../services/kafka-service.ts'
import { startOrSkip } from '../../services/require.ts'
import { sharedKafka } from '../../services/shared-servers.ts'
import { until } from '../started-adapter.ts'
import {
  freshName,
  makeTopics,
  sendTexts,
  startKafkaAdapter,
  type StartedKafka,
  type StartedKafkaOptions,
} from './started-kafka.ts'

let broker: KafkaService | undefined
let cleanUps: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  broker = await startOrSkip('kafka', sharedKafka)
})

afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  cleanUps = []
})

type Connection = StartedKafkaOptions['connection']

/** A token without a signature, which this broker takes. */
function unsignedToken(): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1_000)
  return `${part({ alg: 'none' })}.${part({ sub: 'somebody', iat: now, exp: now + 600 })}.`
}

const WAYS: readonly (readonly [string, (service: KafkaService) => Connection])[] = [
  [
    'PLAIN',
    ({ saslBrokers = '', accounts }) => ({
      brokers: [saslBrokers],
      sasl: { mechanism: 'plain', ...accounts.plain },
    }),
  ],
  [
    'SCRAM-SHA-256',
    ({ saslBrokers = '', accounts }) => ({
      brokers: [saslBrokers],
      sasl: { mechanism: 'scram-sha-256', ...accounts.scram },
    }),
  ],
  [
    'SCRAM-SHA-512 over TLS',
    ({ saslTlsBrokers = '', accounts, authority }) => ({
      brokers: [saslTlsBrokers],
      tls: { ca: authority?.ca },
      sasl: { mechanism: 'scram-sha-512', ...accounts.scram },
    }),
  ],
  [
    'OAUTHBEARER',
    ({ saslBrokers = '' }) => ({
      brokers: [saslBrokers],
      sasl: { mechanism: 'oauthbearer', token: unsignedToken() },
    }),
  ],
  [
    'a certificate of its own',
    ({ tlsBrokers = '', authority }) => ({
      brokers: [tlsBrokers],
      tls: { ca: authority?.ca, ...authority?.signed['client'] },
    }),
  ],
]

async function start(connection: Connection, topic: string): Promise<StartedKafka> {
  const started = await startKafkaAdapter({ connection, subscription: { topics: [topic] } })
  cleanUps.push(() => started.adapter.stop())
  return started
}

describe('signing in at Kafka', () => {
  it.each(WAYS)('works by %s', async (_, connectionOf) => {
    if (broker?.saslBrokers === undefined) return
    const topic = freshName('signed')
    await makeTopics(broker.brokers, { [topic]: 1 })
    await sendTexts(broker.brokers, topic, ['1'])
    const started = await start(connectionOf(broker), topic)
    await until(() => started.bodies().includes('1'))
  })

  it('fails with a reason: a wrong password, an unknown authority', async ({ skip }) => {
    if (broker?.saslBrokers === undefined) return skip()
    const { saslBrokers, tlsBrokers = '', accounts } = broker
    const wrong = { ...accounts.plain, password: 'wrong', mechanism: 'plain' as const }
    const refused = await start({ brokers: [saslBrokers], sasl: wrong }, 'any')
    await until(() => /auth/i.test(refused.adapter.health().detail ?? ''))
    const stranger = await start({ brokers: [tlsBrokers], tls: {} }, 'any')
    await until(() => /certificate/.test(stranger.adapter.health().detail ?? ''))
    expect(refused.adapter.health().detail).not.toContain('wrong')
  })
})
