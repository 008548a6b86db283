import { isJsonType, mediaType } from '../domain/content-type.ts'
import { errorMessage } from '../domain/errors.ts'
import type { StoredPayload } from '../ports/handler.ts'

/** A payload as a value, or why it cannot be one. */
export type DecodedPayload =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly problem: string }

/**
 * Turns a stored payload into what a handler sees:
 * - no payload: `undefined`, and likewise an empty one that should be JSON;
 * - JSON (no content type, `application/json`, `text/json`, `…+json`): the parsed value, also from base64;
 * - `text/*`: a string, also from base64, by the content type's `charset` (UTF-8 unless given);
 * - any other content type: a `Buffer` when base64, else the text as stored;
 * - base64 without a content type: a `Buffer`.
 */
export function decodePayload(stored: StoredPayload): DecodedPayload {
  const { payload, payloadEncoding } = stored
  if (payload === null) return value(undefined)
  const type = mediaType(stored.contentType)
  if (payloadEncoding === null || payloadEncoding === '') {
    return type === '' || isJsonType(type) ? parseJson(payload) : value(payload)
  }
  if (payloadEncoding !== 'base64') {
    return problem(
      `has the encoding ${JSON.stringify(payloadEncoding)}, which is not known (only base64 is)`,
    )
  }
  // `Buffer.from` skips what is no base64. Line breaks are fine: databases put them in.
  if (!/^[\w+/=\s-]*$/.test(payload)) return problem('is not valid base64')
  const bytes = Buffer.from(payload, 'base64')
  if (isJsonType(type)) {
    const text = decodeText(bytes, 'utf-8')
    return text.ok ? parseJson(text.text) : problem(text.problem)
  }
  if (type.startsWith('text/')) {
    const text = decodeText(bytes, charset(stored.contentType))
    return text.ok ? value(text.text) : problem(text.problem)
  }
  return value(bytes)
}

function value(decoded: unknown): DecodedPayload {
  return { ok: true, value: decoded }
}

function problem(text: string): DecodedPayload {
  return { ok: false, problem: text }
}

function charset(contentType: string | null): string {
  return /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(contentType ?? '')?.[1] ?? 'utf-8'
}

function parseJson(text: string): DecodedPayload {
  const json = text.startsWith('\uFEFF') ? text.slice(1) : text
  if (json === '') return value(undefined)
  try {
    return value(JSON.parse(json))
  } catch (error) {
    // Only the place: the engine's own message quotes the payload, which belongs in no log.
    const place = /\(line \d+ column \d+\)/.exec(errorMessage(error))?.[0]
    return problem(place === undefined ? 'is not valid JSON' : `is not valid JSON ${place}`)
  }
}

type DecodedText =
  { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string }

function decodeText(bytes: Uint8Array, label: string): DecodedText {
  try {
    return { ok: true, text: new TextDecoder(label, { fatal: true }).decode(bytes) }
  } catch (error) {
    // A RangeError is about the name of the charset, anything else about the bytes.
    return error instanceof RangeError
      ? { ok: false, problem: `has the charset ${JSON.stringify(label)}, which is not known` }
      : { ok: false, problem: `is not valid ${label} text` }
  }
}
