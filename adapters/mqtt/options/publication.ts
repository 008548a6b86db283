import { z } from 'zod'
import { durationOption } from '../../../src/ports/adapter-options.ts'
import { qualityOfService } from './qos.ts'

const template = z.string().min(1).max(20_000).meta({
  expects: 'a text, in which {{ … }} holds a JSONata expression',
  term: 'template',
})

/** What a publication of `integrations.mqtt` says beyond the common keys. */
export const mqttPublicationOptions = z.strictObject({
  topic: template.describe('Where it publishes to.'),
  qos: qualityOfService
    .prefault(1)
    .describe(
      '0: nobody confirms that it arrived. 1: at least once. 2: once as far as the broker.',
    ),
  retain: z
    .boolean()
    .prefault(false)
    .describe('Whether the broker keeps the last message of the topic for later subscribers.'),
  content_type: template
    .optional()
    .describe('MQTT 5: what the payload is. Left out: the content type of the job.'),
  user_properties: z
    .record(z.string().min(1).max(256), template)
    .optional()
    .describe('MQTT 5: properties beside the headers of the job.'),
  message_expiry: durationOption({ minMs: 1_000, maxMs: 4_294_967_295_000 })
    .optional()
    .describe('MQTT 5: how long the broker may keep it for subscribers who are away.'),
  response_topic: template.optional().describe('MQTT 5: where answers are expected.'),
  correlation_data: template
    .optional()
    .describe('MQTT 5: what an answer must carry. Left out: the correlation id of the job.'),
})

/** Keys of a publication that are templates. */
export const MQTT_TEMPLATES = [
  'topic',
  'content_type',
  'user_properties',
  'response_topic',
  'correlation_data',
] as const

/** Checked options of a publication. */
export type MqttPublicationOptions = z.output<typeof mqttPublicationOptions>
