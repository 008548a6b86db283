import { z } from 'zod'
import { durationOption } from '../../../src/ports/adapter-options.ts'
import { routingOption } from './routing.ts'

const YEAR_MS = 31_536_000_000

const template = z.string().min(1).max(20_000).meta({
  expects: 'a text, in which {{ … }} holds a JSONata expression',
  term: 'template',
})

/** What a publication of `integrations.activemq` says beyond the common keys. */
export const activemqPublicationOptions = z.strictObject({
  destination: template.describe(
    'Where it publishes to: `/queue/NAME` or `/topic/NAME`; Artemis: also an address as it is.',
  ),
  routing: routingOption,
  body: z
    .enum(['auto', 'text', 'binary'])
    .prefault('auto')
    .describe(
      'What JMS receivers get: a `TextMessage` or a `BytesMessage`. `auto`: text where the content type is JSON, XML or text.',
    ),
  persistent: z
    .boolean()
    .prefault(true)
    .describe('false: a restart of the broker may lose it. Faster.'),
  priority: z
    .int()
    .min(0)
    .max(9)
    .optional()
    .describe(
      'Of the broker, 0 to 9, which has nothing to do with that of the job. Its default is 4.',
    ),
  expires_in: durationOption({ minMs: 1, maxMs: YEAR_MS })
    .optional()
    .describe('How long the broker may keep it, by the clock of this machine.'),
  delay: durationOption({ minMs: 1, maxMs: YEAR_MS })
    .optional()
    .describe(
      'How long the broker holds it back. Classic: where the broker has `schedulerSupport`, else it is delivered at once.',
    ),
  content_type: template
    .optional()
    .describe('The header `content-type`. Left out: the content type of the job.'),
  correlation_id: template
    .optional()
    .describe('The header `correlation-id`. Left out: that of the job.'),
  reply_to: template.optional().describe('Where answers are expected.'),
  type: template.optional().describe('The header `type`: JMSType.'),
  group: template
    .optional()
    .describe('Message group (JMSXGroupID): the broker gives one group to one consumer.'),
})

/** Keys of a publication that are templates. */
export const ACTIVEMQ_TEMPLATES = [
  'destination',
  'content_type',
  'correlation_id',
  'reply_to',
  'type',
  'group',
] as const

/** Checked options of a publication. */
export type ActivemqPublicationOptions = z.output<typeof activemqPublicationOptions>
