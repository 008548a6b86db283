import { CrossdockError, errorMessage } from '../domain/errors.ts'
import type { MappingInput } from '../ports/expressions.ts'
import { anyCase } from './any-case.ts'

/** The object that expressions are evaluated on. */
export type ExpressionInput = Readonly<Record<string, unknown>>

/** The most characters of a body that expressions and schemas are given. */
const MAX_BODY_CHARACTERS = 8 * 1024 * 1024

/**
 * The input of an expression. Names without a value are not in it.
 * @param needsPayload `false`: nothing looks at the payload, and it is not parsed
 * @throws CrossdockError `input_invalid`, in words about the payload
 */
export function expressionInput(input: MappingInput, needsPayload: boolean): ExpressionInput {
  const payload = needsPayload ? payloadOf(input) : undefined
  return {
    ...input.facts,
    ...(payload !== undefined && { payload }),
    headers: anyCase(input.headers),
  }
}

function payloadOf({ payload: { kind, text } }: MappingInput): unknown {
  if (text.length > MAX_BODY_CHARACTERS) {
    throw new CrossdockError(
      'input_invalid',
      `has ${text.length} characters, and expressions and schemas take ${MAX_BODY_CHARACTERS} at most`,
    )
  }
  return kind === 'json' ? parse(text) : text
}

function parse(text: string): unknown {
  const json = text.startsWith('\uFEFF') ? text.slice(1) : text
  if (json.trim() === '') return undefined
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (error) {
    // Only the place: the engine's own message quotes the payload, which belongs in no log.
    const place = /\(line \d+ column \d+\)/.exec(errorMessage(error))?.[0]
    throw new CrossdockError(
      'input_invalid',
      place === undefined ? 'is not valid JSON' : `is not valid JSON ${place}`,
    )
  }
  // Spelled out, or with escapes, which can spell anything.
  if (/_jsonata_|\\u/i.test(json) && hasReservedName(value)) {
    throw new CrossdockError(
      'input_invalid',
      'has a name that begins with _jsonata_, which is reserved: it would pass for a function',
    )
  }
  return value
}

/** Without recursion: a payload may be nested deeper than the stack. */
function hasReservedName(root: unknown): boolean {
  const rest = [root]
  while (rest.length > 0) {
    const value = rest.pop()
    if (typeof value !== 'object' || value === null) continue
    for (const [name, inner] of Object.entries(value)) {
      if (name.startsWith('_jsonata_')) return true
      if (typeof inner === 'object') rest.push(inner)
    }
  }
  return false
}
