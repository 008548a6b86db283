import { once } from 'node:events'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions, TLSSocket } from 'node:tls'
import { connectionTrouble } from '../../src/domain/connection-trouble.ts'
import { CrossdockError } from '../../src/domain/errors.ts'
import type { ProbeFindings } from '../../src/ports/probe.ts'
import type { HttpConnectionOptions } from './connection-options.ts'
import { openTunnel } from './outbound/tunnel.ts'

/** With TLS 1.3 a server that refuses our certificate says so after the handshake, and says nothing when it takes it. */
const SECOND_THOUGHTS_MS = 300

/**
 * Tries whether the host of a connection is there: a connection to it, through the proxy where one is set, and its
 * encryption. No request is sent, since there is none of which every server knows that it has no effect.
 * @throws CrossdockError `connection_failed`
 */
export async function probeHost(
  options: HttpConnectionOptions,
  signal: AbortSignal,
): Promise<ProbeFindings> {
  const { base_url: base, listen } = options
  if (base === undefined) {
    return { facts: `a port of our own, ${listen?.host ?? ''}:${listen?.port ?? ''}: not opened` }
  }
  const url = new URL(base)
  const limit = AbortSignal.any([signal, AbortSignal.timeout(options.connect_timeout_ms)])
  let socket: Socket | undefined
  try {
    socket = await open(url, options, limit)
    return { facts: factsOf(socket) }
  } catch (error) {
    const why = limit.aborted
      ? `there was no connection within ${options.connect_timeout_ms} ms: look at host and port, and at firewalls on the way`
      : connectionTrouble(error)
    throw new CrossdockError('connection_failed', `${url.host}: ${why}`, { cause: error })
  } finally {
    socket?.destroy()
  }
}

async function open(
  url: URL,
  { tls, proxy, connect_timeout_ms: connectTimeoutMs }: HttpConnectionOptions,
  signal: AbortSignal,
): Promise<Socket> {
  const isEncrypted = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const servername = tls?.server_name ?? (isIP(host) === 0 ? host : undefined)
  const target: ConnectionOptions = {
    host,
    port: Number(url.port || (isEncrypted ? 443 : 80)),
    ca: tls?.ca,
    cert: tls?.cert,
    key: tls?.key,
    rejectUnauthorized: tls?.reject_unauthorized ?? true,
    // Never an address: TLS knows names alone.
    ...(servername !== undefined && { servername }),
  }
  const socket =
    proxy === undefined
      ? begin(target, isEncrypted)
      : await openTunnel(new URL(proxy), target, { isEncrypted, connectTimeoutMs })
  // What comes after the end is nobody's.
  socket.on('error', () => undefined)
  try {
    if (proxy === undefined) {
      await once(socket, isEncrypted ? 'secureConnect' : 'connect', { signal })
    }
    if (isEncrypted) await untilAccepted(socket)
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

function begin(target: ConnectionOptions, isEncrypted: boolean): Socket {
  const { host = '', port = 80 } = target
  return isEncrypted ? connectTls(target) : connectTcp({ host, port })
}

async function untilAccepted(socket: Socket): Promise<void> {
  // An error, as `once` has it, rejects; silence is consent.
  await once(socket, 'readable', { signal: AbortSignal.timeout(SECOND_THOUGHTS_MS) }).catch(
    (error: unknown) => {
      if (!(error instanceof Error && error.name === 'AbortError')) throw error
    },
  )
}

function factsOf(socket: Socket): string {
  if (!(socket instanceof TLSSocket)) return 'reached, without TLS'
  const { valid_to: validTo } = socket.getPeerCertificate()
  return `reached, ${socket.getProtocol() ?? 'TLS'}, its certificate holds until ${validTo}`
}
