import { z } from 'zod'
import type { AdapterDefinition } from '../../ports/adapter.ts'
import { durationSeconds } from '../duration.ts'
import { expressionText, mapSchema } from './expressions.ts'
import { handlerName, identifierName, priorityNumber, queueName, retryCount } from './names.ts'

/** The keys of every subscription, whatever its protocol. */
const commonSubscriptionShape = {
  name: identifierName(100).describe(
    'Its name in addresses, inbox keys and logs; `api` is reserved. Changing it makes earlier messages unknown.',
  ),
  handler: handlerName.describe('Name of the handler that runs its messages.'),
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
  on_invalid: z
    .enum(['dead', 'drop'])
    .optional()
    .describe(
      'What becomes of a message that schema, filter, map or the handler’s input refuses: kept as a dead letter, or acknowledged and dropped. Left out: `dead`; over HTTP the sender is answered 422 and nothing is stored.',
    ),
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
    .describe('Where messages come from, by protocol.')
}

function integrationSchema(adapter: AdapterDefinition) {
  const subscription = z.strictObject({
    // Common keys first, for the order of the documentation; again at the end, for they win.
    ...commonSubscriptionShape,
    ...adapter.subscriptionOptions.shape,
    ...commonSubscriptionShape,
  })
  return z
    .strictObject({
      subscriptions: z
        .array(subscription)
        .prefault([])
        .describe('What this instance takes messages from, and which handler runs them.'),
    })
    .prefault({})
    .describe(`Messages over ${adapter.protocol}.`)
}
