import { z } from 'zod'
import { filterProblem, filtersOverlap, isShared } from '../topics.ts'
import { qualityOfService } from './qos.ts'

const filter = z
  .string()
  .superRefine((text, context) => {
    const problem = filterProblem(text)
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
  })
  .meta({
    expects: 'a topic, in which + stands for one level and a # at the end for all further',
    term: 'topic',
  })

const topic = z
  .strictObject({
    topic: filter.describe(
      'Topic, with `+` for one level and `#` at the end for all further; `$share/GROUP/TOPIC` shares its messages with the other instances.',
    ),
    qos: qualityOfService
      .prefault(1)
      .describe(
        'Quality of service, at most: 0 can lose messages, 1 delivers at least once, 2 once.',
      ),
    no_local: z
      .boolean()
      .prefault(false)
      .describe('MQTT 5: leave out what this client has published itself.'),
  })
  .refine(({ topic: text, no_local: noLocal }) => !noLocal || !isShared(text), {
    path: ['no_local'],
    message: 'cannot be true for a $share topic: MQTT 5 forbids it',
  })

/** What a subscription of `integrations.mqtt` says beyond the common keys. */
export const mqttSubscriptionOptions = z.strictObject({
  topics: z
    .array(z.union([filter.transform((text) => topic.parse({ topic: text })), topic]))
    .min(1)
    .superRefine((topics, context) => {
      for (const [index, one] of topics.entries()) {
        const other = topics.findIndex(
          (each, place) => place < index && filtersOverlap(each.topic, one.topic),
        )
        if (other < 0) continue
        context.addIssue({
          code: 'custom',
          path: [index],
          message: `takes messages that ${topics[other]?.topic ?? ''} takes as well, and a broker may deliver those once or twice; keep the wider one, or make a second subscription`,
        })
      }
    })
    .describe('What it takes: topics as texts, or as objects of topic, qos and no_local.'),
  retained: z
    .enum(['take', 'ignore'])
    .prefault('take')
    .describe(
      'Messages that the broker had kept from before we subscribed: `take` stores them like any other, `ignore` acknowledges and leaves them.',
    ),
})

/** Checked options of a subscription. */
export type MqttSubscriptionOptions = z.output<typeof mqttSubscriptionOptions>
