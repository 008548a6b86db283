import mysql from 'mysql2/promise'
import type { Run } from './connect.ts'

/** A value as it stands in a statement: `NULL`, a number, or a quoted string. */
export function literal(value: string | number | null): string {
  // Most are numbers, and the driver's way to them is long.
  return typeof value === 'number' ? String(value) : mysql.escape(value)
}

/** Values for `IN (…)`. No list is ever empty: `IN ()` is a syntax error. */
export function list(values: readonly (string | number)[]): string {
  return values.length === 0 ? 'NULL' : values.map(literal).join(', ')
}

/** Bigints, which the driver gives as text, for `IN (…)`. */
export function numberList(values: readonly string[]): string {
  return values.filter((value) => /^-?\d+$/.test(value)).join(', ')
}

/** So many milliseconds in a form to add to a time, or to take from one. */
export function interval(milliseconds: number): string {
  return `INTERVAL ${Math.round(milliseconds * 1000)} MICROSECOND`
}

/**
 * Runs a statement over `parts`, joined by commas between `head` and `tail`, in as few runs as the
 * largest packet allows.
 */
export async function runInPackets(
  run: Run,
  maxBytes: number,
  { head, parts, tail }: { head: string; parts: readonly string[]; tail: string },
): Promise<void> {
  const room = maxBytes - Buffer.byteLength(head) - Buffer.byteLength(tail)
  let pending: string[] = []
  let bytes = 0
  for (const part of parts) {
    const more = Buffer.byteLength(part) + 1
    if (pending.length > 0 && bytes + more > room) {
      await run(head + pending.join(',') + tail)
      pending = []
      bytes = 0
    }
    pending.push(part)
    bytes += more
  }
  if (pending.length > 0) await run(head + pending.join(',') + tail)
}

/** Objects as the parts of a JSON array that stands in a quoted string. */
export function jsonParts(objects: readonly object[]): readonly string[] {
  // Without the quotes around each: they stand in head and tail.
  return objects.map((object) => literal(JSON.stringify(object)).slice(1, -1))
}
