import { z } from 'zod'
import { durationOption, tlsOption } from '../../../src/ports/adapter-options.ts'
import { isBrokerAddress } from '../broker-address.ts'

const address = z
  .string()
  .refine(isBrokerAddress, {
    message:
      'must be an address such as stomp://host:61613, stomp+ssl://host:61612, ws://host:61614 or wss://host:61615; name and password go into username and password',
  })
  .meta({ expects: 'an address: stomp://, stomp+ssl://, ws:// or wss://', term: 'address' })

/** Of the frame that signs in, which knows no escapes. */
const oneLine = z
  .string()
  .min(1)

  .regex(/^[^\r\n\0]*$/)
  .meta({ expects: 'a text of one line', term: 'string' })

/** What a connection of `integrations.activemq` says. */
export const activemqConnectionOptions = z.strictObject({
  urls: z
    .union([address, z.array(address).min(1)])
    .describe(
      'Addresses of the broker: `stomp://`, `stomp+ssl://` (TLS), `ws://` or `wss://`. Of a list, each in turn until one answers.',
    ),
  broker: z
    .enum(['classic', 'artemis'])
    .describe(
      'Which ActiveMQ it is. It decides how `prefetch` counts, how queues and topics are named, and how a durable subscription is asked for.',
    ),
  client_id: z
    .string()
    .regex(/^[\w.:-]{1,100}$/)
    .meta({ expects: 'a text of 1 to 100 letters, digits and . _ : -', term: 'name' })
    .optional()
    .describe(
      'What the client ids of durable subscribers begin with; subscription and slot follow. Left out: `instance.name`.',
    ),
  username: oneLine.optional().describe('Name to sign in with.'),
  password: oneLine.optional().describe('Password to sign in with.'),
  tls: tlsOption.optional().describe('Certificates, with `stomp+ssl://` and `wss://`.'),
  virtual_host: oneLine
    .optional()
    .describe('The header `host` of the sign-in. Left out: the host of the address.'),
  heart_beat_outgoing: durationOption({ minMs: 1_000, maxMs: 3_600_000 })
    .prefault('30s')
    .describe(
      'The silence that the broker is promised not to see from us. We are heard three times as often; a process that is blocked for longer loses its connections.',
    ),
  heart_beat_incoming: durationOption({ minMs: 1_000, maxMs: 3_600_000 })
    .prefault('10s')
    .describe(
      'How often the broker is to be heard. After twice that without a sign the connection is made anew.',
    ),
  connect_timeout: durationOption({ minMs: 100, maxMs: 300_000 })
    .prefault('10s')
    .describe('How long the broker may take to accept us.'),
})

/** Checked options of a connection. They hold secrets: never log them. */
export type ActivemqConnectionOptions = z.output<typeof activemqConnectionOptions>
