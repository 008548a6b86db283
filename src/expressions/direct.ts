import type { MappingRules } from '../ports/expressions.ts'
import { evaluatePlain } from './plain.ts'
import { type ApplyRules, compileRules, expressionsOf } from './rules.ts'
import { parseExpression, type ParsedExpression } from './syntax.ts'
import { CrossdockError } from '../domain/errors.ts'

/** The longest body that is looked at on the main thread, in characters: parsing more would hold it up. */
export const MAX_DIRECT_CHARACTERS = 256 * 1024

/**
 * Rules that the main thread applies by itself: plain expressions alone, and no schema, whose patterns a
 * body could make endless. `undefined`: these need the process.
 */
export function compileDirect(rules: MappingRules): ApplyRules | undefined {
  if (rules.schema !== undefined) return undefined
  const parsed = new Map(expressionsOf(rules).map((each) => [each, parsedOrThrow(each)]))
  if ([...parsed.values()].some(({ plain }) => plain === undefined)) return undefined
  return compileRules(rules, {
    expression: (source) => {
      const plain = parsed.get(source)?.plain
      return (input) => (plain === undefined ? undefined : evaluatePlain(plain, input))
    },
    schema: () => () => [],
    needsPayload: (source) => parsed.get(source)?.needsPayload ?? true,
  })
}

function parsedOrThrow(source: string): Extract<ParsedExpression, { readonly ok: true }> {
  const parsed = parseExpression(source)
  if (parsed.ok) return parsed
  throw new CrossdockError('config_invalid', `an expression is wrong: ${parsed.problem}`)
}
