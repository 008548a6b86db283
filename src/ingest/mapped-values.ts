import { z } from 'zod'
import type { Headers } from '../domain/job.ts'
import type { Json, JsonObject } from '../domain/json.ts'
import { characterCount, isStorable, isStorableJson } from '../domain/storable.ts'
import type { InputProblem } from '../ports/adapter.ts'
import type { MapKey } from '../ports/expressions.ts'

/** What a map made of a message, as its row takes it. What is left out stays as it was received. */
export interface MappedValues {
  /** JSON text. */
  readonly payload?: string | undefined
  readonly headers?: Headers | undefined
  readonly key?: string | undefined
  readonly priority?: number | undefined
  readonly dedupeKey?: string | undefined
  readonly orderingKey?: string | undefined
  readonly scheduledAt?: Date | undefined
  readonly tenantId?: string | undefined
  readonly correlationId?: string | undefined
  readonly metadata?: JsonObject | undefined
}

/** The priorities of the configuration. */
const MAX_PRIORITY = 1_000_000_000

/** A key may be longer than its column: the inbox key is stored hashed then. */
const MAX_KEY_CHARACTERS = 10_000

const NOT_STORABLE =
  'holds NUL or half of a surrogate pair, or is nested too deep: no column takes it'

/** Numbers beyond 2^53 have lost digits by now: two of them could be one key. */
function text(maxCharacters: number) {
  return z
    .union([z.string(), z.int().transform(String)], 'must be a text or a whole number below 2^53')
    .refine((value) => value !== '', 'must not be empty')
    .refine(isStorable, NOT_STORABLE)
    .refine(
      (value) => characterCount(value) <= maxCharacters,
      `must have at most ${maxCharacters} characters`,
    )
}

const time = z
  .union(
    [z.iso.datetime({ offset: true }), z.int()],
    'must be a time with Z or an offset, such as "2030-01-31T12:00:00Z", or milliseconds since 1970',
  )
  .transform((value) => new Date(value))
  .refine((value) => {
    const year = value.getUTCFullYear()
    return year >= 1970 && year <= 9999
  }, 'must be between the years 1970 and 9999')

const SCHEMAS = {
  headers: z
    .custom<Headers>(
      isHeaders,
      'must be an object of strings, lists of strings, or {"base64": "…"}',
    )
    .refine(isStorableJson, NOT_STORABLE),
  key: text(MAX_KEY_CHARACTERS),
  priority: z
    .int('must be a whole number')
    .min(-MAX_PRIORITY, `must be at least ${-MAX_PRIORITY}`)
    .max(MAX_PRIORITY, `must be at most ${MAX_PRIORITY}`),
  dedupe_key: text(MAX_KEY_CHARACTERS),
  ordering_key: text(255),
  scheduled_at: time,
  tenant_id: text(255),
  correlation_id: text(255),
  metadata: z
    .custom<JsonObject>(isObject, 'must be an object')
    .refine(isStorableJson, NOT_STORABLE),
}

/**
 * The results of a map as columns take them, or everything that is wrong with them. Nothing and null leave
 * what was received, but for the payload, which may be null, and `dedupe_key`: a message without the key
 * that makes it one message is wrong, for it would be stored twice without a word.
 * @param mapsDedupeKey whether the map has that key
 */
export function mappedValues(
  values: Readonly<Partial<Record<MapKey, string>>>,
  mapsDedupeKey: boolean,
):
  | { readonly ok: true; readonly values: MappedValues }
  | { readonly ok: false; readonly problems: readonly InputProblem[] } {
  const problems: InputProblem[] = []
  function read<Value>(key: keyof typeof SCHEMAS, schema: z.ZodType<Value>): Value | undefined {
    const json = values[key]
    if (json === undefined || json === 'null') return undefined
    const parsed = schema.safeParse(JSON.parse(json))
    if (parsed.success) return parsed.data
    for (const { message } of parsed.error.issues) problems.push({ path: `map.${key}`, message })
    return undefined
  }
  const mapped: MappedValues = {
    payload: values.payload,
    headers: read('headers', SCHEMAS.headers),
    key: read('key', SCHEMAS.key),
    priority: read('priority', SCHEMAS.priority),
    dedupeKey: read('dedupe_key', SCHEMAS.dedupe_key),
    orderingKey: read('ordering_key', SCHEMAS.ordering_key),
    scheduledAt: read('scheduled_at', SCHEMAS.scheduled_at),
    tenantId: read('tenant_id', SCHEMAS.tenant_id),
    correlationId: read('correlation_id', SCHEMAS.correlation_id),
    metadata: read('metadata', SCHEMAS.metadata),
  }
  if (mapsDedupeKey && [undefined, 'null'].includes(values.dedupe_key)) {
    problems.push({ path: 'map.dedupe_key', message: 'gave nothing for this message' })
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, values: mapped }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isHeaders(value: unknown): boolean {
  return isObject(value) && Object.values(value).every(isHeaderValue)
}

function isHeaderValue(value: Json): boolean {
  if (Array.isArray(value)) return value.every((item) => typeof item === 'string')
  if (!isObject(value)) return typeof value === 'string'
  return Object.keys(value).length === 1 && typeof value['base64'] === 'string'
}
