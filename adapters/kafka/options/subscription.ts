import { z } from 'zod'
import { durationOption } from '../../../src/ports/adapter-options.ts'
import { topicNameProblem } from '../topic-name.ts'

const KIB = 1024
const MIB = KIB * KIB

const topicName = z
  .string()
  .superRefine((text, context) => {
    const problem = topicNameProblem(text)
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
  })
  .meta({ expects: 'the name of a topic, or { "pattern": … }', term: 'topic' })

const topicPattern = z.strictObject({
  pattern: z
    .string()
    .min(1)
    .max(1_000)
    .describe(
      'A regular expression of JavaScript for the whole name. Topics that are made later are taken as well, and never those of Kafka itself (`__…`).',
    ),
})

/** What a subscription of `integrations.kafka` says beyond the common keys. */
export const kafkaSubscriptionOptions = z
  .strictObject({
    topics: z
      .array(z.union([topicName, topicPattern]))
      .min(1)
      .max(1_000)
      .superRefine((topics, context) => {
        for (const [index, one] of topics.entries()) {
          if (typeof one !== 'string') {
            if (isExpression(one.pattern)) continue
            const message = 'is no regular expression'
            context.addIssue({ code: 'custom', path: [index, 'pattern'], message })
          } else if (topics.indexOf(one) !== index) {
            context.addIssue({ code: 'custom', path: [index], message: 'stands there twice' })
          }
        }
      })
      .transform((topics) =>
        topics.map((one) => (typeof one === 'string' ? one : wholeName(one.pattern))),
      )
      .describe('What it takes: names of topics, and `{ "pattern": … }`.'),
    group_id: z
      .string()
      .regex(/^[\w.:-]{1,249}$/)
      .meta({ expects: 'a text of 1 to 249 letters, digits and . _ : -', term: 'name' })
      .optional()
      .describe(
        'The consumer group, which keeps the offsets and shares the partitions among the instances. Left out: `<instance.name>-<subscription>`.',
      ),
    start: z
      .enum(['earliest', 'latest'])
      .prefault('earliest')
      .describe(
        'Where a partition begins for which the group has no offset. `latest` leaves out what was there before, and what comes into a new partition before it is found.',
      ),
    order_by: z
      .enum(['key', 'none'])
      .prefault('key')
      .describe(
        '`key`: jobs whose records have the same key run one at a time, in the order of the partition; `map.ordering_key` wins over it. `none`: jobs run side by side, whatever their key.',
      ),
    max_bytes: z
      .int()
      .min(KIB)
      .max(100 * MIB)
      .prefault(MIB)
      .describe(
        'Bytes of one fetch from one partition (`max.partition.fetch.bytes`). A larger record comes alone.',
      ),
    session_timeout: durationOption({ minMs: 1_000, maxMs: 1_800_000 })
      .prefault(30)
      .describe(
        'After so long a silence the group gives the partitions of an instance to others. The brokers allow 6 s to 30 min, unless told otherwise.',
      ),
    heartbeat_interval: durationOption({ minMs: 100, maxMs: 600_000 })
      .prefault(3)
      .describe(
        'How often the group is told that we are there; at most a third of `session_timeout`.',
      ),
    rebalance_timeout: durationOption({ minMs: 1_000, maxMs: 1_800_000 })
      .prefault(60)
      .describe('How long the group waits for an instance when it shares its partitions out anew.'),
    refresh_interval: durationOption({ minMs: 500, maxMs: 3_600_000 })
      .prefault(10)
      .describe('How often new topics and new partitions are looked for.'),
  })
  .refine(({ session_timeout: session, heartbeat_interval: beat }) => beat * 3 <= session, {
    path: ['heartbeat_interval'],
    message: 'must be at most a third of session_timeout: one lost heartbeat would end the session',
  })

/** Checked options of a subscription. */
export type KafkaSubscriptionOptions = z.output<typeof kafkaSubscriptionOptions>

function wholeName(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`, 'u')
}

function isExpression(pattern: string): boolean {
  try {
    wholeName(pattern)
    return true
  } catch {
    return false
  }
}
