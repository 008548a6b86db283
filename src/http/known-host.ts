import { isLoopback } from '../domain/loopback.ts'

/** Which names a server goes by. */
export interface KnownHosts {
  /** Where the server listens. */
  readonly listenHost: string
  /** Further names, without port. */
  readonly allowedHosts: readonly string[]
}

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]']

/**
 * Whether a request's `Host` is a name of this server. A web page can have its own name point to
 * 127.0.0.1 (DNS rebinding) and is then of one origin with a server on loopback; the name that the
 * browser sends along gives it away. A server that listens beyond loopback and was told no names
 * goes by every name.
 */
export function createHostCheck({ listenHost, allowedHosts }: KnownHosts) {
  const known = new Set(
    [...LOOPBACK_NAMES, bracketed(listenHost), ...allowedHosts.map(bracketed)].map((name) =>
      name.toLowerCase(),
    ),
  )
  const any = !isLoopback(listenHost) && allowedHosts.length === 0
  return (hostHeader: string | undefined): boolean => {
    if (any) return true
    const name = /^(\[[^\]]+\]|[^:]+?)\.?(?::\d*)?$/.exec(hostHeader ?? '')?.[1]
    return name !== undefined && known.has(name.toLowerCase())
  }
}

function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}
