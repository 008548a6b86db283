/** As JSON.stringify writes what no text column or `jsonb` takes: NUL and halves of surrogate pairs. */
const UNSTORABLE_ESCAPE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/i

/** Whether a text column takes it: no NUL and no half of a surrogate pair. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

/** Whether a column of type `json` takes it. `false` also for what is nested too deep for JSON. */
export function isStorableJson(value: unknown): boolean {
  try {
    return !UNSTORABLE_ESCAPE.test(JSON.stringify(value))
  } catch {
    return false
  }
}

/** The length of a text in characters, as databases count them, and not in UTF-16 units. */
export function characterCount(text: string): number {
  let count = 0
  for (const _character of text) count++
  return count
}
