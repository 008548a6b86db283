import { z } from 'zod'
import { durationOption, tlsOption } from '../../../src/ports/adapter-options.ts'
import { topicNameProblem } from '../topics.ts'
import { qualityOfService } from './qos.ts'

const MAX_EXPIRY_MS = 4_294_967_295_000
const PROTOCOLS = ['mqtt:', 'mqtts:', 'ws:', 'wss:']

const address = z
  .string()
  .refine(isAddress, {
    message:
      'must be an address such as mqtt://host:1883, mqtts://host:8883, ws://host/path or wss://host/path; name and password go into username and password',
  })
  .meta({ expects: 'an address: mqtt://, mqtts://, ws:// or wss://', term: 'address' })

const will = z.strictObject({
  topic: z
    .string()
    .superRefine((topic, context) => {
      const problem = topicNameProblem(topic)
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
    })
    .describe('Where it is published.'),
  payload: z.string().prefault('').describe('Text of the message.'),
  qos: qualityOfService.prefault(1).describe('Its quality of service.'),
  retain: z
    .boolean()
    .prefault(false)
    .describe('Whether the broker keeps it for later subscribers.'),
})

/** What a connection of `integrations.mqtt` says. */
export const mqttConnectionOptions = z.strictObject({
  url: z
    .union([address, z.array(address).min(1)])
    .describe(
      'Address of the broker: `mqtt://`, `mqtts://` (TLS), `ws://` or `wss://`. Of a list, each in turn until one answers.',
    ),
  version: z
    .enum(['3.1.1', '5'])
    .prefault('5')
    .describe(
      'Version of MQTT. With 3.1.1 no message has an inbox key, and none that is sent has one.',
    ),
  client_id: z
    .string()
    .regex(/^[\w.:-]{1,100}$/)
    .meta({ expects: 'a text of 1 to 100 letters, digits and . _ : -', term: 'name' })
    .optional()
    .describe(
      'What the client ids of this connection begin with; the slot follows. Left out: `instance.name`.',
    ),
  clean_start: z
    .boolean()
    .prefault(false)
    .describe(
      'true: the broker keeps nothing for us while we are away. false: it keeps the messages of a durable session.',
    ),
  session_expiry: durationOption({ minMs: 1_000, maxMs: MAX_EXPIRY_MS })
    .prefault('7d')
    .describe(
      'How long the broker keeps a durable session while we are away. MQTT 5 only; with 3.1.1 the broker decides.',
    ),
  username: z.string().min(1).optional().describe('Name to sign in with.'),
  password: z.string().min(1).optional().describe('Password to sign in with.'),
  tls: tlsOption.optional().describe('Certificates, with `mqtts://` and `wss://`.'),
  keepalive: durationOption({ minMs: 1_000, maxMs: 65_535_000 })
    .prefault(60)
    .describe(
      'How long the line may be silent before either side asks whether the other is there.',
    ),
  receive_maximum: z
    .int()
    .min(1)
    .max(65_535)
    .prefault(1_000)
    .describe(
      'Messages of one subscription that are held unacknowledged, at most. The broker is told with MQTT 5; with both versions reading stops there.',
    ),
  connect_timeout: durationOption({ minMs: 100, maxMs: 300_000 })
    .prefault(10)
    .describe('How long the broker may take to answer a connect.'),
  will: will
    .optional()
    .describe('What the broker publishes when the connection for publications breaks.'),
})

/** Checked options of a connection. They hold secrets: never log them. */
export type MqttConnectionOptions = z.output<typeof mqttConnectionOptions>

/** Without a name and a password in it: those would be in the log. */
function isAddress(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  return PROTOCOLS.includes(protocol) && hostname !== '' && username === '' && password === ''
}
