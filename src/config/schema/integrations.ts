import { z } from 'zod'
import type { AdapterDefinition } from '../../ports/adapter.ts'
import { duration, durationSeconds } from '../duration.ts'
import { expressionText, mapSchema } from './expressions.ts'
import {
  addressText,
  handlerName,
  identifierName,
  priorityNumber,
  queueName,
  retryCount,
} from './names.ts'

/** The keys of every subscription, whatever its protocol. */
const commonSubscriptionShape = {
  name: identifierName(100).describe(
    'Its name in addresses, inbox keys and logs; `api` is reserved. Changing it makes earlier messages unknown.',
  ),
  connection: identifierName(100)
    .optional()
    .describe('Which of `connections` it uses. Left out: the only one there is.'),
  handler: handlerName
    .optional()
    .describe(
      'Name of the handler that runs its messages. May be left out where `routes` has a way for them.',
    ),
  queue: queueName
    .optional()
    .describe("Queue of its jobs. Left out: the handler's, else `default`."),
  priority: priorityNumber
    .optional()
    .describe("Priority of its jobs; higher runs first. Left out: the handler's, else 0."),
  max_retries: retryCount
    .optional()
    .describe("Attempts after the first. Left out: the handler's, else `jobs.max_retries`."),
  timeout: durationSeconds({ unit: 's', minMs: 1_000 })
    .optional()
    .describe("How long its handler may run. Left out: the handler's, else `jobs.timeout`."),
  content_type: z
    .enum(['json', 'text', 'binary'])
    .prefault('json')
    .describe('What its bodies are: checked JSON, text, or bytes that are stored as base64.'),
  schema: z
    .string()
    .min(1)
    .optional()
    .describe(
      'File of a JSON Schema (draft 2020-12 or draft-07) that the payload must fit as it was received; relative to this file.',
    ),
  filter: expressionText
    .optional()
    .describe(
      'JSONata. A message for which it gives something false is acknowledged and not stored.',
    ),
  map: mapSchema
    .optional()
    .describe('What is stored instead of what was received, each key by an expression.'),
  dead_letter: addressText
    .optional()
    .describe(
      'A publication, as `protocol:name`, that is sent a copy of each of its dead letters, with headers that say why.',
    ),
  backpressure: z
    .strictObject({
      pause_above: z
        .int()
        .min(1)
        .max(100_000)
        .describe('Waiting jobs of its queue from which on it takes nothing more in.'),
      resume_below: z
        .int()
        .min(1)
        .max(100_000)
        .optional()
        .describe('And until there are fewer than this. Left out: half of `pause_above`.'),
    })
    .refine(
      ({ pause_above: above, resume_below: below }) => below === undefined || below <= above,
      {
        path: ['resume_below'],
        message: 'must not be more than pause_above',
      },
    )
    .optional()
    .describe('When too many of its jobs wait. Left out: however many wait, it takes messages in.'),
  on_invalid: z
    .enum(['dead', 'drop'])
    .optional()
    .describe(
      'What becomes of a message that schema, filter, map or the handler’s input refuses: kept as a dead letter, or acknowledged and dropped. Left out: `dead`; over HTTP the sender is answered 422 and nothing is stored.',
    ),
}

/** A text with `{{ JSONata }}` in it. */
const templateText = z.string().max(20_000).meta({
  expects: 'a text, in which {{ … }} holds a JSONata expression',
  term: 'template',
})

/** The keys of every publication, whatever its protocol. */
const commonPublicationShape = {
  connection: identifierName(100)
    .optional()
    .describe('Which of `connections` it uses. Left out: the only one there is.'),
  key: templateText
    .optional()
    .describe('Template of the message key. Left out: `metadata.key` of the job.'),
  headers: z
    .record(z.string().min(1).max(256), templateText)
    .optional()
    .describe('Templates of headers or properties, laid over those of the job.'),
  timeout_ms: duration({ unit: 'ms', minMs: 1, maxMs: 3_600_000 })
    .prefault(30_000)
    .describe('How long the far side may take to confirm a message.'),
  max_retries: retryCount
    .optional()
    .describe('Attempts after the first. Left out: `jobs.max_retries`.'),
  max_in_flight: z
    .int()
    .min(1)
    .max(1_000)
    .prefault(100)
    .describe('Messages on their way at once, of one instance.'),
  rate_limit: z
    .strictObject({
      count: z.int().min(1).max(1_000_000).describe('Messages of one instance in this time.'),
      per: duration({ unit: 's', minMs: 10, maxMs: 86_400_000 })
        .prefault('1s')
        .describe('The time.'),
    })
    .optional()
    .describe('How fast it publishes at most. Left out: as fast as the far side confirms.'),
  breaker: z
    .strictObject({
      failures: z
        .int()
        .min(1)
        .max(1_000)
        .prefault(5)
        .describe('Attempts that fail one after another before it rests.'),
      open: duration({ unit: 's', minMs: 100, maxMs: 3_600_000 })
        .prefault('10s')
        .describe('How long it rests until one message is tried.'),
    })
    .prefault({})
    .describe('When a far side that fails again and again is left alone.'),
}

/**
 * The schema of `integrations`: one key for each adapter, whose own options stand beside the common
 * keys of a subscription.
 */
export function integrationsSchema(adapters: readonly AdapterDefinition[]) {
  const protocols = adapters.map(
    (adapter) => [adapter.protocol, integrationSchema(adapter)] as const,
  )
  return z
    .strictObject(Object.fromEntries(protocols))
    .prefault({})
    .describe('Where messages come from and go to, by protocol.')
}

function integrationSchema(adapter: AdapterDefinition) {
  const subscription = z.strictObject({
    // Common keys first, for the order of the documentation; again at the end, for they win.
    ...commonSubscriptionShape,
    ...adapter.subscriptionOptions.shape,
    ...commonSubscriptionShape,
  })
  const publication = z.strictObject({
    ...commonPublicationShape,
    ...adapter.publicationOptions.shape,
    ...commonPublicationShape,
  })
  return z
    .strictObject({
      ...adapter.integrationOptions?.shape,
      connections: z
        .record(identifierName(100), z.strictObject(adapter.connectionOptions.shape))
        .prefault({})
        .describe('What messages are exchanged with, by name.'),
      subscriptions: z
        .array(subscription)
        .prefault([])
        .describe('What this instance takes messages from, and which handler runs them.'),
      publications: z
        .record(identifierName(80), publication)
        .prefault({})
        .describe(
          `Where messages can be sent, by name: \`publish('${adapter.protocol}:NAME', …)\`.`,
        ),
    })
    .prefault({})
    .describe(`Messages over ${adapter.protocol}.`)
}
