import type { Headers } from '../domain/job.ts'
import type { Json, JsonObject } from '../domain/json.ts'
import type { InputProblem } from './adapter.ts'

/** What a subscription's `map` may set, by the key of the file. */
export const MAP_KEYS = [
  'payload',
  'headers',
  'key',
  'priority',
  'dedupe_key',
  'ordering_key',
  'scheduled_at',
  'tenant_id',
  'correlation_id',
  'metadata',
] as const

/** One of {@link MAP_KEYS}. */
export type MapKey = (typeof MAP_KEYS)[number]

/** What a route's `map` may set: the identity of a message is its subscription's. */
export const ROUTE_MAP_KEYS: readonly MapKey[] = MAP_KEYS.filter((key) => key !== 'dedupe_key')

/** Under which name {@link Mappings} has the rules of a route. No subscription is called so. */
export function rulesOfRoute(route: string): string {
  return `route:${route}`
}

/** A JSONata expression, or a value that stands for itself. */
export type MapValue = { readonly expression: string } | { readonly value: Json }

/** The names that an expression finds at the top of its input. */
export const INPUT_NAMES = [
  'payload',
  'headers',
  'key',
  'topic',
  'protocol',
  'subscription',
  'received_at',
  'timestamp',
  'partition',
  'offset',
  'qos',
  'retain',
  'method',
  'path',
  'query',
  'params',
] as const

/** The names that a template of a publication finds at the top of its input. */
export const TEMPLATE_NAMES = [
  'payload',
  'headers',
  'key',
  'metadata',
  'id',
  'publication',
  'protocol',
  'tenant_id',
  'correlation_id',
  'parent_job_id',
  'created_at',
  'attempt',
] as const

/** Named expressions on one kind of messages: what a subscription does before it stores, the templates of a publication. */
export interface MappingRules {
  /** JSONata; a message for which it gives something falsy is not stored. */
  readonly filter?: string | undefined
  /** By name: of a subscription {@link MAP_KEYS}. */
  readonly map?: Readonly<Record<string, MapValue>> | undefined
  /** The text of a JSON Schema that the payload must fit, as it was received. */
  readonly schema?: string | undefined
}

/** A message as expressions see it. Plain data: it travels to another process. */
export interface MappingInput {
  /** `json`: parsed before expressions see it. `text`, and `base64` of bytes: a string. */
  readonly payload: { readonly kind: 'json' | 'text' | 'base64'; readonly text: string }
  readonly headers: Headers
  /** The rest of {@link INPUT_NAMES}; a name that has no value is left out. */
  readonly facts: JsonObject
  /** `received_at` in milliseconds since 1970, for `$now()` and `$millis()`. */
  readonly receivedAtMs: number
}

/** Why a message cannot be mapped: the `deadreason` of its dead letter. */
export type MappingFault = 'invalid' | 'schema_invalid' | 'mapping_failed'

/** What the rules made of one message. */
export type MappingResult =
  /** JSON texts by key; a key whose expression gave nothing is left out. */
  | {
      readonly outcome: 'mapped'
      readonly values: Readonly<Record<string, string>>
    }
  | { readonly outcome: 'filtered' }
  | {
      readonly outcome: 'invalid'
      readonly reason: MappingFault
      readonly problems: readonly InputProblem[]
    }

/** Applies rules, under limits on time and memory. */
export interface Mappings {
  /** Whether there are rules of this name at all: of a subscription, a route ({@link rulesOfRoute}), a publication. */
  has(name: string): boolean
  /**
   * What the rules make of each message, in order. A message that breaks a limit is `invalid` by
   * itself; the others are not touched by it.
   * @throws CrossdockError `mapping_unavailable` (retryable): nothing can be evaluated now;
   *   `instance_stopping`
   */
  evaluate(name: string, inputs: readonly MappingInput[]): Promise<readonly MappingResult[]>
  /** Ends what it started. May be called twice. */
  stop(): Promise<void>
}

/** What is to be said of an expression before anything starts. */
export interface ExpressionReport {
  /** A mistake of syntax, or something that is not allowed, and where. */
  readonly problem?: string | undefined
  /** Names at the top that are not among those given: they never give anything. */
  readonly unknownNames: readonly string[]
  /** The whole of it is one path. */
  readonly isPath: boolean
}

/** Judges expressions and schemas without running them. */
export interface MappingCheck {
  expression(source: string, names: readonly string[]): Promise<ExpressionReport>
  /** What is wrong with the text of a JSON Schema; `undefined`: nothing. */
  schema(text: string): Promise<string | undefined>
}
