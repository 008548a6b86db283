import { z } from 'zod'
import { expressionText, routeMapSchema } from './expressions.ts'
import { addressText, identifierName } from './names.ts'

const routeSchema = z.strictObject({
  name: identifierName(100).describe(
    'Its name in logs, in `metadata.route` and in messages about its mistakes.',
  ),
  from: addressText.describe('The subscription, as `protocol:name`.'),
  to: z
    .array(addressText)
    .min(1)
    .max(100)
    .describe('The publications, each as `protocol:name`. Each gets a row of its own.'),
  filter: expressionText
    .optional()
    .describe(
      'JSONata, on what the subscription’s map made. A message for which it gives something false does not go this way.',
    ),
  map: routeMapSchema
    .optional()
    .describe(
      'What is sent instead of what the subscription’s map made, each key by an expression.',
    ),
})

/** The schema of `routes`. */
export const routesSchema = z
  .array(routeSchema)
  .prefault([])
  .describe('Ways from subscriptions to publications, without a handler.')
