/**
 * Escapes of STOMP 1.1, in names and values alike. The library's own are for 1.2: it leaves out names, and reads
 * `C\c\\new` as `C:`, a backslash and a line break, since it replaces one escape after the other.
 * Source: STOMP 1.1, "Value Encoding".
 */
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', ':': '\\c' }
const UNESCAPES: Readonly<Record<string, string>> = { '\\\\': '\\', '\\n': '\n', '\\c': ':' }

/** A name or a value as it is written into a frame. */
export function escapeHeader(text: string): string {
  return text.replace(/[\\\n:]/g, (found) => ESCAPES[found] ?? found)
}

/** What {@link escapeHeader} was given; an escape that is none stays as it is. */
export function unescapeHeader(text: string): string {
  return text.replace(/\\[\\nc]/g, (found) => UNESCAPES[found] ?? found)
}

/** Whole headers, written. */
export function escapeHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(headers)
  return Object.fromEntries(entries.map(([name, text]) => [escapeHeader(name), escapeHeader(text)]))
}

/** Whole headers, read. */
export function unescapeHeaders(headers: Readonly<Record<string, string>>): Map<string, string> {
  const entries = Object.entries(headers)
  return new Map(entries.map(([name, text]) => [unescapeHeader(name), unescapeHeader(text)]))
}
