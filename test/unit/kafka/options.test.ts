import { describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { kafkaConnectionOptions } from '../../../adapters/kafka/options/connection.ts'
import { kafkaPublicationOptions } from '../../../adapters/kafka/options/publication.ts'
import { kafkaSubscriptionOptions } from '../../../adapters/kafka/options/subscription.ts'

/** Places and messages of what is wrong. */
function problems(schema: z.ZodObject, value: unknown): readonly string[] {
  const parsed = schema.safeParse(value)
  if (parsed.success) return []
  return parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
}

const connectionProblems = (more: object): readonly string[] =>
  problems(kafkaConnectionOptions, { brokers: 'kafka:9092', ...more })

describe('a connection to Kafka', () => {
  it('does not take a password within the address of its tokens, and does not show it', () => {
    const told = connectionProblems({
      sasl: {
        mechanism: 'oauthbearer',
        token_url: 'https://me:hush@login.example/token',
        client_id: 'a',
        client_secret: 'b',
      },
    })
    expect(told.join()).toMatch(/token_url: .*without a name or password/)
    expect(told.join()).not.toContain('hush')
  })

  it('has its brokers as a list, however they were given', () => {
    expect(kafkaConnectionOptions.parse({ brokers: 'kafka:9092' })).toEqual({
      brokers: ['kafka:9092'],
      connect_timeout: 10_000,
      request_timeout: 30_000,
    })
    expect(kafkaConnectionOptions.parse({ brokers: ['a:1', '[::1]:65535'] }).brokers).toEqual([
      'a:1',
      '[::1]:65535',
    ])
  })

  it.each([
    'kafka',
    'kafka:0',
    'kafka:65536',
    'kafka://kafka:9092',
    'me:secret@kafka:9092',
    ':9092',
  ])('has no broker %j', (broker) => {
    expect(problems(kafkaConnectionOptions, { brokers: [broker] })).not.toEqual([])
  })

  it('has a certificate and its key together', () => {
    const cert = '-----BEGIN CERTIFICATE-----'
    expect(connectionProblems({ tls: { cert } })).toEqual([
      'tls: needs cert and key together; add the other one',
    ])
    expect(connectionProblems({ tls: { cert, key: '-----BEGIN PRIVATE KEY-----' } })).toEqual([])
  })

  it.each([
    [{ mechanism: 'plain', username: 'u' }, 'needs password'],
    [{ mechanism: 'scram-sha-256' }, 'needs username'],
    [{ mechanism: 'plain', username: 'u', password: 'p', token: 't' }, 'is not for the mechanism'],
    [{ mechanism: 'oauthbearer' }, 'needs token or token_url'],
    [{ mechanism: 'oauthbearer', token_url: 'https://id.example' }, 'token_url needs client_id'],
    [{ mechanism: 'oauthbearer', token: 't', scope: 's' }, 'cannot stand beside token'],
    [{ mechanism: 'oauthbearer', token: 'a b' }, 'token'],
    [{ mechanism: 'gssapi' }, 'mechanism'],
  ])('refuses to sign in by %j', (sasl, said) => {
    const found = connectionProblems({ sasl })
    expect(found.join('\n')).toContain(said)
  })

  it.each([
    { mechanism: 'plain', username: 'u', password: 'p' },
    { mechanism: 'scram-sha-512', username: 'u', password: 'p' },
    { mechanism: 'oauthbearer', token: 't' },
    {
      mechanism: 'oauthbearer',
      token_url: 'https://id.example/token',
      client_id: 'c',
      client_secret: 's',
      scope: 'kafka',
    },
  ])('signs in by %j', (sasl) => {
    expect(connectionProblems({ sasl })).toEqual([])
  })
})

const subscriptionProblems = (more: object): readonly string[] =>
  problems(kafkaSubscriptionOptions, { topics: ['orders'], ...more })

describe('a subscription to Kafka', () => {
  it('takes topics by name, and by a pattern for the whole name', () => {
    const { topics, start } = kafkaSubscriptionOptions.parse({
      topics: ['orders', { pattern: 'eu|us[.].*' }],
    })
    expect(start).toBe('earliest')
    const [name, pattern] = topics
    expect(name).toBe('orders')
    const isTaken = (topic: string): boolean => pattern instanceof RegExp && pattern.test(topic)
    expect([isTaken('eu'), isTaken('us.orders'), isTaken('eu.orders'), isTaken('xus.a')]).toEqual([
      ...[true, true, false, false],
    ])
  })

  it.each([
    [{ topics: [] }, 'topics'],
    [{ topics: ['a b'] }, 'letters'],
    [{ topics: ['a', 'b', 'a'] }, 'topics.2: stands there twice'],
    [{ topics: [{ pattern: '(' }] }, 'is no regular expression'],
    [{ heartbeat_interval: '11s' }, 'heartbeat_interval: must be at most a third'],
    [{ start: 'now' }, 'start'],
    [{ group_id: '' }, 'group_id'],
  ])('refuses %j', (given, said) => {
    expect(subscriptionProblems(given).join('\n')).toContain(said)
  })
})

describe('a publication to Kafka', () => {
  it('is confirmed by all replicas unless told otherwise', () => {
    expect(kafkaPublicationOptions.parse({ topic: 'orders' })).toEqual({
      topic: 'orders',
      acks: 'all',
      compression: 'none',
      max_request_size: 900_000,
    })
  })

  it('is not idempotent without the acknowledgement of all replicas', () => {
    const given = { topic: 'orders', acks: 'leader' }
    expect(problems(kafkaPublicationOptions, { ...given, idempotence: true })).toEqual([
      'idempotence: needs acks "all"; remove one of the two',
    ])
    expect(problems(kafkaPublicationOptions, { ...given, idempotence: false })).toEqual([])
  })
})
