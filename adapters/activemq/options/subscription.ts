import { z } from 'zod'
import { routingOption } from './routing.ts'

/** What a subscription of `integrations.activemq` says beyond the common keys. */
export const activemqSubscriptionOptions = z
  .strictObject({
    destination: z
      .string()
      .min(1)
      .max(1_000)

      .regex(/^[^\r\n\0]*$/)
      .meta({ expects: 'the name of a queue or topic', term: 'destination' })
      .describe(
        'What it takes: `/queue/NAME` or `/topic/NAME`, with the wildcards of the broker. Artemis: also an address as it is, or `ADDRESS::QUEUE`.',
      ),
    routing: routingOption,
    durable: z
      .boolean()
      .prefault(false)
      .describe(
        'Of a topic: true has the broker keep its messages while we are away. Queues keep theirs anyway.',
      ),
    selector: z
      .string()
      .min(1)
      .max(10_000)

      .regex(/^[^\r\0]*$/)
      .meta({ expects: 'a selector of JMS', term: 'string' })
      .optional()
      .describe(
        "Which messages, by their headers, as JMS has it: `color = 'red' AND size > 3`. Others stay with the broker.",
      ),
    prefetch: z
      .int()
      .min(1)
      .max(1_000_000_000)
      .optional()
      .describe(
        'What the broker sends before anything is acknowledged, at most: of Classic a number of messages (default 1,000), of Artemis a number of bytes (default 1 MB), in which each message counts some 200 more than its body.',
      ),
  })
  .refine(({ durable, destination }) => !durable || !destination.startsWith('/queue/'), {
    path: ['durable'],
    message: 'is for topics: a queue keeps its messages anyway',
  })

/** Checked options of a subscription. */
export type ActivemqSubscriptionOptions = z.output<typeof activemqSubscriptionOptions>
