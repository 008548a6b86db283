import type { Headers } from '../../../src/domain/job.ts'
import { HEADER_NAME } from '../option-values.ts'

/** About one connection, or said by the adapter itself; a message's own are passed over. */
const NOT_PASSED_ON = new Set([
  'connection',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** What Node sends as one byte each; a line end would begin another header. */
const SENDABLE = /^[\t\x20-\x7e\x80-\xff]*$/

/** Headers of a request: each name once, in any case. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[]>>

/** The headers that a message brings along, or why they cannot be sent. */
export type SendableHeaders =
  | { readonly ok: true; readonly headers: RequestHeaders }
  | { readonly ok: false; readonly error: string }

/**
 * The headers of a message as those of a request, in lower case: text as UTF-8, bytes as they are. One that
 * no header can carry refuses the message: it would arrive as another message than the one that was meant.
 * @param hasOwnBody whether the body is another one than the message's: then its packing is not its packing
 */
export function sendableHeaders(headers: Headers, hasOwnBody: boolean): SendableHeaders {
  const sendable = new Map<string, string | readonly string[]>()
  for (const [name, value] of Object.entries(headers)) {
    const key = name.toLowerCase()
    if (NOT_PASSED_ON.has(key) || (hasOwnBody && key === 'content-encoding')) continue
    const shown = JSON.stringify(name.slice(0, 100))
    if (!HEADER_NAME.test(name)) {
      return { ok: false, error: `the header ${shown} has a name that HTTP cannot carry` }
    }
    const values = textsOf(value).map((text) => text.trim())
    if (values.some((text) => !SENDABLE.test(text))) {
      return {
        ok: false,
        error: `the header ${shown} has a value that HTTP cannot carry, such as a line end`,
      }
    }
    sendable.set(key, values.length === 1 ? (values[0] ?? '') : values)
  }
  return { ok: true, headers: Object.fromEntries(sendable) }
}

function textsOf(value: Headers[string]): readonly string[] {
  if (typeof value === 'string') return [latin1(Buffer.from(value))]
  if ('base64' in value) return [latin1(Buffer.from(value.base64, 'base64'))]
  return value.map((one) => latin1(Buffer.from(one)))
}

/** Node takes each byte as one character. */
function latin1(bytes: Buffer): string {
  return bytes.toString('latin1')
}
