import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type RequestOptions,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { errorMessage } from '../../../src/domain/errors.ts'
import type { HttpConnectionOptions } from '../connection-options.ts'
import { tunnelled } from './tunnel.ts'

/** An idle connection is closed before the far side does: many servers do after five seconds. */
const IDLE_MS = 4_000

/** What the lines of one connection have in common. */
export interface LineOptions {
  readonly tls: HttpConnectionOptions['tls']
  readonly proxy: string | undefined
  readonly maxConnections: number
  readonly connectTimeoutMs: number
}

/** The connections to one host, which are kept for further requests. */
export interface Line {
  readonly connectTimeoutMs: number
  /** A request to the host, not ended yet. The host is none of its options. */
  request(options: Pick<RequestOptions, 'method' | 'path' | 'headers'>): ClientRequest
  /** Calls `listener` once there is a connection for the request: then what is written leaves. */
  onReady(request: ClientRequest, listener: () => void): void
  /** Whether an error is the far side's refusal of our certificate: with TLS 1.3 it comes after the handshake, and before anything is read. */
  isRefusedHandshake(error: Error, request: ClientRequest): boolean
  /** What went wrong, in words, without secrets. */
  errorText(error: Error): string
  /** Closes what is open. */
  close(): void
}

/**
 * Makes a line to the host of `url`; nothing is connected yet. This is Node's own client: it takes interim
 * answers (1xx) that nobody asked for, as RFC 9110, section 15.2, demands; undici (7.30) breaks the connection
 * off at a 100, after the far side has taken the message.
 */
export function createLine(
  url: URL,
  { tls, proxy, maxConnections, connectTimeoutMs }: LineOptions,
): Line {
  const isEncrypted = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const common = { keepAlive: true, maxSockets: maxConnections, timeout: IDLE_MS }
  const plainAgent = isEncrypted
    ? new HttpsAgent({
        ...common,
        ca: tls?.ca,
        cert: tls?.cert,
        key: tls?.key,
        rejectUnauthorized: tls?.reject_unauthorized ?? true,
        ...(tls?.server_name !== undefined && { servername: tls.server_name }),
      })
    : new HttpAgent(common)
  const agent =
    proxy === undefined
      ? plainAgent
      : tunnelled(plainAgent, new URL(proxy), { isEncrypted, connectTimeoutMs })
  const send = isEncrypted ? httpsRequest : httpRequest
  return {
    connectTimeoutMs,
    request: (options) =>
      send({ ...options, agent, host, port: url.port || (isEncrypted ? 443 : 80) }),
    onReady: (request, listener) => {
      request.once('socket', (socket) => {
        // A tunnel is handed over when it is ready.
        if (request.reusedSocket || proxy !== undefined) listener()
        else socket.once(isEncrypted ? 'secureConnect' : 'connect', listener)
      })
    },
    isRefusedHandshake: (error, request) =>
      !request.reusedSocket && /^ERR_SSL_.*ALERT/.test(codeOf(error) ?? ''),
    errorText: (error) => errorText(error),
    close: () => agent.destroy(),
  }
}

function errorText(error: Error): string {
  // What OpenSSL writes around its reason is for those who build it.
  const isReasoned = 'reason' in error && typeof error.reason === 'string'
  if (isReasoned) return `TLS: ${String(error.reason)} (${codeOf(error) ?? 'unknown'})`
  const words =
    error instanceof AggregateError
      ? [...new Set(error.errors.map((each) => errorMessage(each)))].join('; ')
      : errorMessage(error)
  const code = codeOf(error)
  return code === undefined || words.includes(code) ? words : `${words} (${code})`
}

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
