import { z } from 'zod'
import { durationOption, tlsOption } from '../../../src/ports/adapter-options.ts'
import { saslOptions } from './sasl.ts'

const broker = z.string().max(300).refine(isBroker).meta({
  expects: 'the address of a broker as host:port, such as kafka.example:9092',
  term: 'host:port',
})

/** What a connection of `integrations.kafka` says. */
export const kafkaConnectionOptions = z
  .strictObject({
    brokers: z
      .union([broker.transform((one) => [one]), z.array(broker).min(1).max(100)])
      .describe(
        'Where the cluster is, as `host:port`, one or several: any of them tells where the others are.',
      ),
    client_id: z
      .string()
      .regex(/^[\w.-]{1,200}$/)
      .meta({ expects: 'a text of 1 to 200 letters, digits and . _ -', term: 'name' })
      .optional()
      .describe(
        'What we are called in the logs and quotas of the brokers. Left out: `instance.name`.',
      ),
    tls: tlsOption
      .optional()
      .describe(
        'TLS, and its certificates; `{}` takes the authorities that Node knows. Left out: no TLS.',
      ),
    sasl: saslOptions.optional().describe('How we sign in. Left out: not at all.'),
    connect_timeout: durationOption({ minMs: 100, maxMs: 300_000 })
      .prefault(10)
      .describe('How long a connection may take, its TLS and its sign-in included.'),
    request_timeout: durationOption({ minMs: 1_000, maxMs: 600_000 })
      .prefault(30)
      .describe(
        'How long a broker may take to answer a request. For messages that go out `timeout_ms` of their publication counts.',
      ),
  })
  .superRefine(({ tls }, context) => {
    if (tls === undefined || (tls.cert === undefined) === (tls.key === undefined)) return
    const message = 'needs cert and key together; add the other one'
    context.addIssue({ code: 'custom', path: ['tls'], message })
  })

/** Checked options of a connection. They hold secrets: never log them. */
export type KafkaConnectionOptions = z.output<typeof kafkaConnectionOptions>

/** A name, an IPv4 address, or an IPv6 address in brackets; no scheme, no name and password. */
function isBroker(text: string): boolean {
  const [, port] = /^(?:[\w.-]+|\[[\da-fA-F:.]+\]):(\d{1,5})$/.exec(text) ?? []
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535
}
