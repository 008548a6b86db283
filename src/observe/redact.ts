import { errorMessage } from '../domain/errors.ts'

const SECRET_KEY =
  /pass(?:word|wd|phrase)|secret|token|authorization|cookie|credential|api[-_]?key|private[-_]?key|sasl/i
const URL_CREDENTIALS = /\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#]*@/gi

/** What stands in the place of a secret. */
const REDACTED = '[redacted]'

/** Deeper values are named, not shown. */
const MAX_DEPTH = 6

/** Text with the user names and passwords of its URLs taken out. */
export function redactText(text: string): string {
  return text.replace(URL_CREDENTIALS, `$1${REDACTED}@`)
}

/**
 * Fields as they may be logged: the values of keys that name a secret, and the credentials of URLs,
 * are taken out, at every depth. pino's own `redact` needs each path written out beforehand, and
 * knows nothing of URLs.
 */
export function redactFields(fields: object): Record<string, unknown> {
  return redactObject(fields, 0)
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value)
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Error) return redactError(value, depth)
  if (value instanceof Date) return value
  if (value instanceof URL) return redactText(value.href)
  if (ArrayBuffer.isView(value)) return `[${String(value.byteLength)} bytes]`
  if (depth >= MAX_DEPTH) return '[deeper]'
  if (Array.isArray(value)) return value.map((item) => redactValue(item, depth + 1))
  return redactObject(value, depth + 1)
}

function redactObject(value: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      SECRET_KEY.test(key) && item !== undefined && item !== null
        ? REDACTED
        : redactValue(item, depth),
    ]),
  )
}

/** Never all of an error's own properties: the database driver puts rows into them. */
function redactError(error: Error, depth: number): Record<string, unknown> {
  return {
    type: error.name,
    message: redactText(errorMessage(error)),
    ...('code' in error && { code: error.code }),
    ...(error.stack !== undefined && { stack: redactText(error.stack) }),
    ...(error.cause !== undefined &&
      depth < MAX_DEPTH && { cause: redactValue(error.cause, depth + 1) }),
  }
}
