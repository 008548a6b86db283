import { CrossdockError } from '../domain/errors.ts'

/** The most characters of one payload that an expression may make. */
export const MAX_PAYLOAD_CHARACTERS = 8 * 1024 * 1024

/** The most characters of any other value. */
export const MAX_VALUE_CHARACTERS = 256 * 1024

/**
 * A result as JSON text. Refuses what JSON would change without a word: numbers that it cannot hold
 * become null, functions vanish.
 * @throws CrossdockError `input_invalid`
 */
export function jsonText(value: unknown, maxCharacters: number): string {
  const text = JSON.stringify(value, refuseSilentLoss)
  if (text.length > maxCharacters) {
    throw new CrossdockError(
      'input_invalid',
      `gave ${text.length} characters of JSON, and ${maxCharacters} are the most`,
    )
  }
  return text
}

function refuseSilentLoss(_key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new CrossdockError('input_invalid', 'gave a number that is out of the range of numbers')
  }
  if (isFunction(value)) {
    throw new CrossdockError('input_invalid', 'gave a function; call it')
  }
  return value
}

/** Whether JSONata takes a value for a function: one of the engine's, of JSONata's, or of an expression's. */
export function isFunction(value: unknown): boolean {
  if (typeof value === 'function') return true
  if (typeof value !== 'object' || value === null) return false
  return '_jsonata_lambda' in value || '_jsonata_function' in value
}
