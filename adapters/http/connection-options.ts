import { z } from 'zod'
import { authOptions } from './auth-options.ts'
import { HEADER_NAME, HEADER_TEXT, milliseconds, pem } from './option-values.ts'

const KIB = 1024
const MAX_BODY_LIMIT = 64 * KIB * KIB

/** About one connection, or ours to say: no fixed header may have these names. */
const RESERVED_HEADERS = new Set([
  'connection',
  'content-length',
  'content-type',
  'expect',
  'host',
  'idempotency-key',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'traceparent',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

const clientTls = z.strictObject({
  ca: pem.optional().describe("The authority that signed the server's certificate."),
  cert: pem.optional().describe('Our own certificate, where the server asks for one.'),
  key: pem.optional().describe('The private key of `cert`.'),
  reject_unauthorized: z
    .boolean()
    .prefault(true)
    .describe('false: accept any certificate. Never outside a trusted network.'),
  server_name: z
    .string()
    .min(1)
    .max(253)
    .optional()
    .describe('The name that the certificate must have. Left out: the host of `base_url`.'),
})

const serverTls = z.strictObject({
  cert: pem.describe('Our certificate, and those between it and its authority.'),
  key: pem.describe('The private key of `cert`.'),
  ca: pem
    .optional()
    .describe(
      'Only clients with a certificate of this authority are let in. Left out: no certificate is asked for.',
    ),
})

const listen = z.strictObject({
  host: z
    .string()
    .min(1)
    .meta({ expects: 'a host name or an address' })
    .prefault('127.0.0.1')
    .describe(
      'Address to listen on. Where others can reach it, each subscription needs `verify`, or the file `auth.allow_anonymous`.',
    ),
  port: z
    .int()
    .min(0)
    .max(65_535)
    .describe('Port to listen on. 0: any free port, told in the log.'),
  tls: serverTls.optional().describe('Serve HTTPS with this. Left out: HTTP.'),
  body_limit: z
    .int()
    .min(1)
    .max(MAX_BODY_LIMIT)
    .prefault(KIB * KIB)
    .describe('The largest body of a request, in bytes. A larger one is answered 413.'),
})

/** The parts of `listen` that are of no use without it, and the other way round. */
const OUTBOUND_ONLY = ['headers', 'auth', 'tls', 'proxy'] as const

/** What a connection of `integrations.http` says: where messages go, or a port of its own where they come in. */
export const httpConnectionOptions = z
  .strictObject({
    base_url: z
      .string()
      .max(2_000)
      .superRefine((url, context) => {
        const problem = baseUrlProblem(url)
        if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
      })
      .optional()
      .describe(
        'Where messages go: what every address of its publications begins with, such as `https://api.example.com/v1`.',
      ),
    headers: z
      .record(
        z.string().regex(HEADER_NAME).meta({ expects: 'the name of a header' }),
        z.string().max(8_000).regex(HEADER_TEXT, 'must be ASCII, without line ends'),
      )
      .superRefine((headers, context) => {
        for (const name of Object.keys(headers)) {
          if (!RESERVED_HEADERS.has(name.toLowerCase())) continue
          context.addIssue({
            code: 'custom',
            path: [name],
            message: 'is set by the adapter itself; remove it',
          })
        }
      })
      .optional()
      .describe('Headers of every request, whatever the message says.'),
    auth: authOptions.optional().describe('How we show who we are. Left out: not at all.'),
    tls: clientTls.optional().describe('Certificates. Left out: the authorities that Node knows.'),
    proxy: z
      .string()
      .max(2_000)
      .superRefine((url, context) => {
        const problem = proxyProblem(url)
        if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
      })
      .optional()
      .describe(
        'An HTTP proxy, `http://user:password@host:port`, through which requests are tunnelled (CONNECT). Those for tokens too.',
      ),
    max_connections: z
      .int()
      .min(1)
      .max(1_000)
      .prefault(20)
      .describe(
        'Requests under way at once of each publication, of one instance. A smaller `max_in_flight` comes before it.',
      ),
    connect_timeout_ms: milliseconds({ minMs: 1, maxMs: 300_000 })
      .prefault(10_000)
      .describe('How long the connection may take, its encryption included.'),
    listen: listen
      .optional()
      .describe('A port of its own for the subscriptions that name this connection.'),
  })
  .superRefine((connection, context) => {
    const report = (path: string[], message: string): void => {
      context.addIssue({ code: 'custom', path, message })
    }
    if (connection.listen === undefined) {
      if (connection.base_url === undefined) {
        report([], 'needs base_url, where messages go, or listen, a port where they come in')
      }
    } else {
      if (connection.base_url !== undefined) {
        report(['listen'], 'cannot stand beside base_url; make two connections of them')
      }
      for (const key of OUTBOUND_ONLY) {
        if (connection[key] !== undefined)
          report([key], 'is for base_url, and this is a port; remove it')
      }
    }
    const { tls } = connection
    if (tls !== undefined && (tls.cert === undefined) !== (tls.key === undefined)) {
      report(['tls'], 'needs cert and key together; add the other one')
    }
  })

/** Checked options of a connection. They hold secrets. */
export type HttpConnectionOptions = z.output<typeof httpConnectionOptions>

/** Never shows the address: it may hold a password. */
function baseUrlProblem(text: string): string | undefined {
  if (!URL.canParse(text)) return 'is no address; write https://host or https://host:port/path'
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return 'must begin with https:// or http://'
  if (url.username !== '' || url.password !== '')
    return 'holds a name or a password; put them into auth'
  if (url.search !== '' || url.hash !== '' || /[?#]/.test(text)) {
    return 'has something after a "?" or a "#"; put it into the query of each publication'
  }
  return undefined
}

function proxyProblem(text: string): string | undefined {
  const form = 'write http://host:port or http://user:password@host:port'
  if (!URL.canParse(text)) return `is no address; ${form}`
  const { protocol, pathname, search, hash } = new URL(text)
  const isPlain = protocol === 'http:' && pathname === '/' && search === '' && hash === ''
  return isPlain ? undefined : `is no address of an HTTP proxy; ${form}`
}
