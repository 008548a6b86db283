import { z } from 'zod'

/** As JSON.stringify writes what no text column or `jsonb` takes: NUL and halves of surrogate pairs. */
const UNSTORABLE_ESCAPE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/i

const NO_NUL = 'must hold no NUL and no half of a surrogate pair'

/** Text for a column: at most `maxLength` characters, none of which a database refuses. */
export function columnText(maxLength: number, { minLength = 1 } = {}) {
  return z
    .string()
    .refine(isStorable, NO_NUL)
    .refine((value) => length(value) >= minLength, 'must not be empty')
    .refine((value) => length(value) <= maxLength, `must have at most ${maxLength} characters`)
}

/** Whether a text column takes it. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

/** A JSON value for a column of type `json`, checked by `fits`. */
export function columnJson<T>(fits: (value: unknown) => value is T, shape: string) {
  return z
    .custom<T>((value) => fits(value), shape)
    .refine(
      (value) => isStorableJson(value),
      `${NO_NUL}, and not be nested thousands of levels deep`,
    )
}

function isStorableJson(value: unknown): boolean {
  try {
    return !UNSTORABLE_ESCAPE.test(JSON.stringify(value))
  } catch {
    return false
  }
}

/** In characters, as databases count them, and not in UTF-16 units. */
function length(text: string): number {
  let count = 0
  for (const _character of text) count++
  return count
}
