import { z } from 'zod'
import type { Json } from '../../domain/json.ts'
import { MAP_KEYS, type MapKey, ROUTE_MAP_KEYS } from '../../ports/expressions.ts'

/**
 * The schema of a JSONata expression. Its text is taken as it stands: `${` in it is JSONata's, and no
 * reference.
 */
export const expressionText = z.string().min(1).max(20_000).meta({
  expects: 'a JSONata expression, a text that is not empty',
  term: 'JSONata',
  expression: true,
})

const literal = z.strictObject({
  value: z
    .custom<Json>((value) => value !== undefined)
    .describe('Any JSON value, which stands for itself. References in its texts are replaced.'),
})

const mapValue = z.union([expressionText, literal]).meta({
  expects: 'a JSONata expression, or a literal: { "value": … }',
  term: 'JSONata or literal',
})

const DESCRIPTIONS: Readonly<Record<MapKey, string>> = {
  payload: 'What the handler is given.',
  headers: 'An object of strings, lists of strings, or `{"base64": …}`: instead of the headers.',
  key: 'The message key in `metadata`.',
  priority: 'A whole number: instead of `priority`.',
  dedupe_key: 'What makes the message this message: instead of the identity of its protocol.',
  ordering_key: 'The column `orderingkey`: jobs of one key run one at a time, in order of arrival.',
  scheduled_at: 'Not before this time: a text with `Z` or an offset, or milliseconds since 1970.',
  tenant_id: 'The column `tenantid`.',
  correlation_id: 'The column `correlationid`.',
  metadata: 'An object, whose members are laid over those of `metadata`.',
}

/** The schema of `map`. */
export const mapSchema = mapSchemaOf(MAP_KEYS)

/** The schema of a route's `map`. */
export const routeMapSchema = mapSchemaOf(ROUTE_MAP_KEYS)

function mapSchemaOf(keys: readonly MapKey[]) {
  return z.strictObject(
    Object.fromEntries(keys.map((key) => [key, mapValue.optional().describe(DESCRIPTIONS[key])])),
  )
}
