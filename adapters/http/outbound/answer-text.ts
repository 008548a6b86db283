import type { Answered } from './exchange.ts'

/** Headers of an answer that are worth keeping: what it is, and how the far side calls it. */
const KEPT_HEADERS = [
  'content-type',
  'etag',
  'location',
  'request-id',
  'retry-after',
  'x-correlation-id',
  'x-request-id',
]
const MAX_HEADER_CHARACTERS = 500

/**
 * An answer as JSON, for the history: `status`, `headers`, and of the body what was kept of it, as `body` where
 * it is text, else as `body_base64`. `truncated`: there was, or may have been, more.
 */
export function answerText({ status, headers, body, isWhole }: Answered): string {
  const kept = KEPT_HEADERS.flatMap((name) => {
    const value = headers[name]
    return value === undefined ? [] : [[name, value.slice(0, MAX_HEADER_CHARACTERS)] as const]
  })
  const text = textOf(body, isWhole)
  return JSON.stringify({
    status,
    headers: Object.fromEntries(kept),
    ...(body.length > 0 &&
      (text === undefined ? { body_base64: body.toString('base64') } : { body: text })),
    ...(!isWhole && { truncated: true }),
  })
}

/** A cut may go through a character: up to three bytes at the end of a part are left out. */
function textOf(body: Buffer, isWhole: boolean): string | undefined {
  for (let cut = 0; cut <= (isWhole ? 0 : 3); cut += 1) {
    try {
      const bytes = body.subarray(0, body.length - cut)
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
      // A column of text cannot hold it, on one of the databases.
      return text.includes('\0') ? undefined : text
    } catch {
      continue
    }
  }
  return undefined
}
