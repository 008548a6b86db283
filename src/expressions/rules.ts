import { CrossdockError, errorMessage } from '../domain/errors.ts'
import type { InputProblem } from '../ports/adapter.ts'
import {
  type MappingFault,
  type MappingInput,
  type MappingResult,
  type MappingRules,
} from '../ports/expressions.ts'
import { expressionInput, type ExpressionInput } from './input.ts'
import { isFunction, jsonText, MAX_PAYLOAD_CHARACTERS, MAX_VALUE_CHARACTERS } from './json-text.ts'
import type { SchemaCheck } from './schema.ts'

/** Evaluates one expression of some rules on one message. */
export type EvaluateOn = (input: ExpressionInput, message: MappingInput) => unknown

/** How {@link compileRules} gets at expressions and schemas. */
export interface RuleCompiler {
  /** What evaluates an expression: a value, a promise of one, or a throw. */
  expression(source: string): EvaluateOn
  schema(text: string): SchemaCheck
  /** Whether an expression may look at the payload. */
  needsPayload(source: string): boolean
}

/** Applies rules to one message. Never rejects. */
export type ApplyRules = (message: MappingInput) => Promise<MappingResult>

/**
 * The schema judges the payload as it was received; then the filter; then the map, each key on the same
 * input. Every key that fails is told, not the first alone.
 */
export function compileRules(rules: MappingRules, compiler: RuleCompiler): ApplyRules {
  const sources = [...expressionsOf(rules)]
  const needsPayload =
    rules.schema !== undefined || sources.some((source) => compiler.needsPayload(source))
  const fits = rules.schema === undefined ? undefined : compiler.schema(rules.schema)
  const filter = rules.filter === undefined ? undefined : compiler.expression(rules.filter)
  const map = Object.entries(rules.map ?? {}).map(([key, value]) => ({
    key,
    evaluate:
      'expression' in value ? compiler.expression(value.expression) : (): unknown => value.value,
  }))

  return async (message) => {
    let input: ExpressionInput
    try {
      input = expressionInput(message, needsPayload)
    } catch (error) {
      return invalid('invalid', [{ path: '', message: errorMessage(error) }])
    }
    try {
      const problems = fits?.(input['payload']) ?? []
      if (problems.length > 0) return invalid('schema_invalid', problems)
    } catch (error) {
      return invalid('schema_invalid', [{ path: 'schema', message: errorMessage(error) }])
    }
    if (filter !== undefined) {
      try {
        if (!isTruthy(await filter(input, message))) return { outcome: 'filtered' }
      } catch (error) {
        return invalid('mapping_failed', [{ path: 'filter', message: errorMessage(error) }])
      }
    }
    const values: Record<string, string> = {}
    const problems: InputProblem[] = []
    for (const { key, evaluate } of map) {
      try {
        const value = await evaluate(input, message)
        const most = key === 'payload' ? MAX_PAYLOAD_CHARACTERS : MAX_VALUE_CHARACTERS
        if (value !== undefined) values[key] = jsonText(value, most)
      } catch (error) {
        problems.push({ path: `map.${key}`, message: errorMessage(error) })
      }
    }
    return problems.length > 0 ? invalid('mapping_failed', problems) : { outcome: 'mapped', values }
  }
}

/** Every expression of some rules. */
export function expressionsOf(rules: MappingRules): readonly string[] {
  const mapped = Object.values(rules.map ?? {}).flatMap((value) =>
    'expression' in value ? [value.expression] : [],
  )
  return rules.filter === undefined ? mapped : [rules.filter, ...mapped]
}

function invalid(reason: MappingFault, problems: readonly InputProblem[]): MappingResult {
  return { outcome: 'invalid', reason, problems }
}

/** As JSONata's `$boolean`: an empty object, and an array of nothing truthy, are false. */
function isTruthy(value: unknown): boolean {
  // To JSONata it is false, and no message would be kept.
  if (isFunction(value)) throw new CrossdockError('input_invalid', 'gave a function; call it')
  if (Array.isArray(value)) return value.some(isTruthy)
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0
  return Boolean(value)
}
