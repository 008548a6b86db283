/** The longest name of a header, in characters. */
const MAX_NAME_CHARACTERS = 256

/** What a line of a protocol would take for its end. */
const BREAKS = /[\r\n\0]/

/**
 * What is wrong with a header that is to go out; `undefined`: nothing. A line break would end the header, and
 * what follows it would be one of its own.
 */
export function headerProblem(name: string, value: unknown): string | undefined {
  const shown = JSON.stringify(name.slice(0, 100))
  if (name === '' || name.length > MAX_NAME_CHARACTERS) {
    return `the name of a header has 1 to ${MAX_NAME_CHARACTERS} characters`
  }
  if (BREAKS.test(name) || !name.isWellFormed()) {
    return `the name of the header ${shown} has a line break, a NUL, or half of a surrogate pair`
  }
  const values: readonly unknown[] = Array.isArray(value) ? value : [value]
  for (const each of values) {
    if (typeof each === 'string') {
      if (BREAKS.test(each)) return `the header ${shown} has a line break or a NUL`
      if (!each.isWellFormed()) return `the header ${shown} has half of a surrogate pair`
    } else if (Array.isArray(value) || !isBytes(each)) {
      return `the header ${shown} is no text, no list of texts, and no {"base64": …}`
    }
  }
  return undefined
}

function isBytes(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('base64' in value)) return false
  return typeof value.base64 === 'string' && /^[A-Za-z0-9+/]*={0,2}$/.test(value.base64)
}
