import type { Headers } from './job.ts'

/**
 * Headers of a message that was received which never go on to another side by themselves. The connection's own (RFC 9110,
 * section 7.6.1), what is about the request and its sender's program, and what the row says in columns of its own.
 */
const STAY: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-connection', 'te', 'trailer'],
  ...['transfer-encoding', 'upgrade', 'http2-settings'],
  ...['host', 'content-length', 'expect', 'max-forwards', 'via', 'forwarded', 'x-real-ip'],
  ...['accept', 'accept-charset', 'accept-encoding', 'accept-language', 'user-agent', 'dnt'],
  ...['origin', 'referer', 'range', 'pragma', 'cache-control', 'upgrade-insecure-requests'],
  // The columns contenttype, traceparent and correlationid, and the id of the row itself, say these.
  ...['content-type', 'traceparent', 'correlation-id', 'idempotency-key'],
])

/** Families of such headers, by the beginnings of their names. */
const STAY_PREFIXES = ['x-forwarded-', 'sec-', 'if-', 'access-control-', 'crossdock-']

/**
 * What gets its sender in, or proves who sent it: whoever receives the message further on must not be able to pass for
 * the sender. By pattern, because each sender has a name of its own.
 */
const SECRET = /token|secret|passw(?:or)?d|api[-_]?key|authorization|cookie|credential|signature/

/**
 * The headers of a received message that travel on with it when nothing is said about them; `undefined`: none.
 * docs/routes.md lists what stays behind.
 */
export function travellingHeaders(headers: Headers): Headers | undefined {
  const kept = Object.entries(headers).filter(([name]) => travels(name.toLowerCase()))
  return kept.length === 0 ? undefined : Object.fromEntries(kept)
}

function travels(name: string): boolean {
  return (
    !STAY.has(name) &&
    !STAY_PREFIXES.some((prefix) => name.startsWith(prefix)) &&
    !SECRET.test(name)
  )
}
