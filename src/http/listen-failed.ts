import { CrossdockError, errorMessage } from '../domain/errors.ts'

/** Why the server cannot listen, with what to do about it. */
export function listenFailed(error: unknown, host: string, port: number): CrossdockError {
  const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  return new CrossdockError(
    'http_listen_failed',
    `Cannot listen on ${host}:${port}: ${advice(reason) ?? errorMessage(error)}`,
    { cause: error, details: { host, port, reason } },
  )
}

function advice(reason: string): string | undefined {
  switch (reason) {
    case 'EADDRINUSE':
      return 'the port is taken by another program. Set http.port to another one, or give --port.'
    case 'EACCES':
      return 'this user may not listen on that port. Set http.port to one above 1023.'
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'this machine has no such address. Set http.host to 127.0.0.1, 0.0.0.0 or one of its own.'
    default:
      return undefined
  }
}
