/** The first value of the first row that a condition gave, or that there was none. */
export type FirstValue =
  | { readonly kind: 'none' }
  | { readonly kind: 'value'; readonly value: unknown; readonly isNumber: boolean }

/** How long a condition may take where nothing else is said, in milliseconds. */
export const CONDITION_LIMIT_MS = 5_000

/** What a condition may send back, in bytes: it is a yes or a no. */
export const MAX_ANSWER_BYTES = 1024 * 1024

/**
 * Whether a condition holds: its first value is true, or a number other than 0, or anything else but null, false
 * and bits that are all 0: then a row is there. No row: it does not hold.
 */
export function holds(first: FirstValue): boolean {
  if (first.kind === 'none') return false
  const { value, isNumber } = first
  if (value === null || value === undefined) return false
  if (typeof value === 'boolean') return value
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value) !== 0
  // Numbers that JavaScript does not hold exactly come as text, bits as bytes.
  if (Buffer.isBuffer(value)) return !isNumber || value.some((byte) => byte !== 0)
  return !isNumber || Number(value) !== 0
}

/** What begins a statement that gives rows; everything else is taken for an expression. */
const GIVES_ROWS = /^(?:select|with|values|table)\b/i

/** White space and comments in front. `#` begins one on MySQL alone; elsewhere it is no beginning of anything. */
const LEADING = /^(?:\s+|--[^\n]*(?:\n|$)|#[^\n]*(?:\n|$)|\/\*(?![!M])[\s\S]*?\*\/)+/

/** The statement of a condition: a SELECT as it stands, an expression as one. A semicolon at the end is left out. */
export function conditionStatement(text: string): string {
  const bare = text.trim().replace(/;\s*$/, '')
  return GIVES_ROWS.test(bare.replace(LEADING, '')) ? bare : `SELECT (\n${bare}\n)`
}

/** Why a condition that was cut off failed. */
export function tookTooLong(limitMs: number): string {
  return `it took longer than ${limitMs / 1000} s`
}
