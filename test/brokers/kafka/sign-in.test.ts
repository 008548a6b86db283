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

/** Asks the server of tokens for one for this audience, or for that which the broker expects. */
function byGrant({ saslBrokers = '', tokens }: KafkaService, audience?: string): Connection {
  return {
    brokers: [saslBrokers],
    sasl: {
      mechanism: 'oauthbearer',
      token_url: tokens?.url,
      client_id: tokens?.client.id,
      client_secret: tokens?.client.secret,
      audience: audience ?? tokens?.audience,
    },
  }
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
    'OAUTHBEARER with a token',
    ({ saslBrokers = '', tokens }) => ({
      brokers: [saslBrokers],
      sasl: { mechanism: 'oauthbearer', token: tokens?.token(tokens.audience) },
    }),
  ],
  ['OAUTHBEARER with tokens of a server that signs them', byGrant],
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

  it('fails with a reason where its token is for others', async ({ skip }) => {
    if (broker?.saslBrokers === undefined) return skip()
    const refused = await start(byGrant(broker, 'others'), 'any')
    await until(() =>
      /refuses the token \(invalid_token\)/.test(refused.adapter.health().detail ?? ''),
    )
    expect(refused.adapter.health().status).toBe('down')
  })
})
