import { CrossdockError, errorMessage } from '../domain/errors.ts'

/**
 * Why the server cannot listen, with what to do about it.
 * @param key whose `host` and `port` these are in the configuration
 */
export function listenFailed(
  error: unknown,
  { host, port, key }: { readonly host: string; readonly port: number; readonly key: string },
): CrossdockError {
  const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  return new CrossdockError(
    'http_listen_failed',
    `Cannot listen on ${host}:${port}: ${advice(reason, key) ?? errorMessage(error)}`,
    { cause: error, details: { host, port, reason } },
  )
}

function advice(reason: string, key: string): string | undefined {
  switch (reason) {
    case 'EADDRINUSE':
      return `the port is taken by another program. Set ${key}.port to another one${key === 'http' ? ', or give --port' : ''}.`
    case 'EACCES':
      return `this user may not listen on that port. Set ${key}.port to one above 1023.`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `this machine has no such address. Set ${key}.host to 127.0.0.1, 0.0.0.0 or one of its own.`
    default:
      return undefined
  }
}
