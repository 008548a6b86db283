import { z } from 'zod'
import { durationOption, isWebAddress } from '../../../src/ports/adapter-options.ts'
import { accessTokenOption, headersOption } from './access-token.ts'

const join = z.strictObject({
  method: z.string().min(1).max(1_000).describe('Method of the hub.'),
  args: z.array(z.json()).prefault([]).describe('Its arguments.'),
})

/** What a connection of `integrations.signalr` says: a hub. */
export const signalrConnectionOptions = z
  .strictObject({
    url: z
      .string()
      .refine(isWebAddress, {
        message:
          'must be the address of a hub, such as https://host/hub; the token goes into access_token',
      })
      .meta({ expects: 'the address of a hub: https:// or http://', term: 'address' })
      .describe('Address of the hub, such as `https://host/hub`.'),
    access_token: accessTokenOption
      .optional()
      .describe(
        'The bearer token, or where one is got for each connection. Left out: we do not say who we are.',
      ),
    protocol: z
      .enum(['json', 'messagepack'])
      .prefault('json')
      .describe('How messages are written. Only `messagepack` carries bytes as bytes.'),
    transport: z
      .enum(['auto', 'websockets', 'server_sent_events', 'long_polling'])
      .prefault('auto')
      .describe('`auto`: the first that the hub offers and that works.'),
    headers: headersOption.optional().describe('Headers of every request to the hub.'),
    join: z
      .array(join)
      .max(100)
      .prefault([])
      .describe(
        'Methods of the hub that are called one after the other each time the connection for subscriptions is made, such as one that joins a group.',
      ),
    stateful_reconnect: z
      .boolean()
      .prefault(true)
      .describe(
        'Ask the hub to keep what it sends over a short break, and to send it again. WebSockets only, and where the hub offers it.',
      ),
    keepalive: durationOption({ minMs: 1_000, maxMs: 3_600_000 })
      .prefault(15)
      .describe('How long we may be silent before the hub is told that we are there.'),
    server_timeout: durationOption({ minMs: 1_000, maxMs: 3_600_000 })
      .prefault(30)
      .describe(
        'How long the hub may be silent before it is taken for gone: at least twice its own keep-alive interval.',
      ),
    connect_timeout: durationOption({ minMs: 100, maxMs: 300_000 })
      .prefault(10)
      .describe('How long a connection may take, its token included; and each call of `join`.'),
  })
  .refine(
    ({ protocol, transport }) =>
      !(protocol === 'messagepack' && transport === 'server_sent_events'),
    {
      path: ['transport'],
      message:
        'cannot be server_sent_events with protocol messagepack: that transport carries text',
    },
  )

/** Checked options of a connection. They hold secrets: never log them. */
export type SignalrConnectionOptions = z.output<typeof signalrConnectionOptions>
