import { type Agent as HttpAgent, request as httpRequest } from 'node:http'
import type { Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { CrossdockError } from '../../../src/domain/errors.ts'

/** How a tunnel is made. */
export interface TunnelOptions {
  /** Whether TLS runs through it. */
  readonly isEncrypted: boolean
  readonly connectTimeoutMs: number
}

type Connected = (error: Error | null, socket: Socket) => void

/**
 * An agent whose connections go through an HTTP proxy, by CONNECT, whatever the scheme: the proxy sees neither
 * address nor headers of an encrypted request, and changes none of a plain one.
 * Source: RFC 9110, section 9.3.6.
 */
export function tunnelled<A extends HttpAgent>(agent: A, proxy: URL, options: TunnelOptions): A {
  const createConnection = (target: ConnectionOptions, connected?: Connected): undefined => {
    openTunnel(proxy, target, options)
      .then((socket) => connected?.(null, socket))
      .catch((error: unknown) => (connected as ((error: unknown) => void) | undefined)?.(error))
  }
  agent.createConnection = createConnection
  return agent
}

/**
 * A connection to `target` through the proxy, encrypted where that is asked for.
 * @throws any error, whose message says what is wrong
 */
export async function openTunnel(
  proxy: URL,
  target: ConnectionOptions,
  { isEncrypted, connectTimeoutMs }: TunnelOptions,
): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const host = target.host ?? ''
  const authority = `${host.includes(':') ? `[${host}]` : host}:${target.port ?? ''}`
  const signal = AbortSignal.timeout(connectTimeoutMs)
  const asked = httpRequest({
    host: proxy.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: proxy.port || 80,
    method: 'CONNECT',
    path: authority,
    headers: { host: authority, ...authorization(proxy) },
    agent: false,
    signal,
  })
  asked.once('error', reject)
  asked.once('response', (response) => {
    response.resume()
    reject(refused(response.statusCode))
  })
  asked.once('connect', ({ statusCode }, socket) => {
    if (statusCode !== 200) {
      socket.destroy()
      reject(refused(statusCode))
      return
    }
    if (!isEncrypted) {
      resolve(socket)
      return
    }
    const encrypted = connectTls({ ...target, socket })
    encrypted.once('secureConnect', () => resolve(encrypted))
    encrypted.once('error', reject)
  })
  asked.end()
  return await promise
}

function refused(status: number | undefined): CrossdockError {
  return new CrossdockError(
    'not_available',
    `the proxy answered ${status ?? 'nothing'} to CONNECT`,
    {
      retryable: true,
    },
  )
}

function authorization({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === '' && password === '') return {}
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` }
}
