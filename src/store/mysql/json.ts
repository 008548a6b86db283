import type { Headers } from '../../domain/job.ts'
import type { JsonObject } from '../../domain/json.ts'

/** JSON as text, as MySQL and MariaDB give it alike: MariaDB's JSON is a text. */
export type JsonText = string | null

/** A `metadata` column. */
export function parseMetadata(text: JsonText): JsonObject | null {
  return parse(text) as JsonObject | null
}

/** A `headers` column. */
export function parseHeaders(text: JsonText): Headers | null {
  return parse(text) as Headers | null
}

/** What is no JSON is `null`: the tables let none in, and nothing must break on it. */
function parse(text: JsonText): unknown {
  if (text === null) return null
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
