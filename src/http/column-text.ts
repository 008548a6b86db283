import { z } from 'zod'
import { characterCount, isStorable, isStorableJson } from '../domain/storable.ts'

const NO_NUL = 'must hold no NUL and no half of a surrogate pair'

/** Text for a column: at most `maxLength` characters, none of which a database refuses. */
export function columnText(maxLength: number, { minLength = 1 } = {}) {
  return z
    .string()
    .refine(isStorable, NO_NUL)
    .refine((value) => characterCount(value) >= minLength, 'must not be empty')
    .refine(
      (value) => characterCount(value) <= maxLength,
      `must have at most ${maxLength} characters`,
    )
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
