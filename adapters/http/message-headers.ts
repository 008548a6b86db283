import type { Headers } from '../../src/domain/job.ts'

/** About one connection and not the message. Source: RFC 9110, section 7.6.1. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/**
 * What gets its sender in; whoever may read jobs must not find it. By pattern, because each sender has a
 * name of its own: `x-gitlab-token`, `x-auth-token`. Signatures stay: they hold for one message alone.
 */
const CREDENTIAL = /token|secret|passw(?:or)?d|api[-_]?key|authorization|cookie|credential/

/**
 * The headers of a request as they are stored: names as sent, an array where one repeats, in order,
 * without what is about the connection and without credentials.
 * @param rawHeaders names and values alternating, as sent
 */
export function messageHeaders(rawHeaders: readonly string[]): Headers {
  const sent = pairs(rawHeaders)
  const dropped = new Set([...HOP_BY_HOP, ...connectionOptions(sent)])
  const kept = new Map<string, { readonly name: string; readonly values: string[] }>()
  for (const [name, value] of sent) {
    const key = name.toLowerCase()
    if (dropped.has(key) || CREDENTIAL.test(key)) continue
    const entry = kept.get(key) ?? { name, values: [] }
    entry.values.push(value)
    kept.set(key, entry)
  }
  // Object.fromEntries defines its members: a header named __proto__ is only a header.
  return Object.fromEntries([...kept.values()].map(({ name, values }) => [name, stored(values)]))
}

/** A sender may declare further headers to be about the connection. */
function connectionOptions(sent: readonly (readonly [string, string])[]): readonly string[] {
  return sent
    .filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.split(','))
    .map((option) => option.trim().toLowerCase())
}

function pairs(rawHeaders: readonly string[]): readonly (readonly [string, string])[] {
  return Array.from({ length: Math.floor(rawHeaders.length / 2) }, (_, index) => [
    rawHeaders[2 * index] ?? '',
    rawHeaders[2 * index + 1] ?? '',
  ])
}

function stored(values: readonly string[]): Headers[string] {
  const [first = '', ...others] = values
  if (others.length > 0) return values.map((value) => utf8(value) ?? value)
  return utf8(first) ?? { base64: Buffer.from(first, 'latin1').toString('base64') }
}

/** Node gives each byte as one character; what was UTF-8 becomes text again. */
function utf8(value: string): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      Buffer.from(value, 'latin1'),
    )
  } catch {
    return undefined
  }
}
