import { errorMessage, isCrossdockError } from '../domain/errors.ts'
import { EXIT } from './exit-code.ts'
import type { Terminal } from './terminal.ts'

/** Says on standard error what went wrong, and returns the exit code. A stack only for developers. */
export function reportError(error: unknown, terminal: Terminal): number {
  const known = isCrossdockError(error)
  terminal.err(`error: ${errorMessage(error)}${known ? ` [${error.code}]` : ''}`)
  if (terminal.env['CROSSDOCK_DEBUG'] && error instanceof Error) {
    terminal.err(error.stack ?? '')
    if (error.cause !== undefined) terminal.err(`cause: ${stackOf(error.cause)}`)
  } else if (!known) {
    terminal.err('This was not expected. Set CROSSDOCK_DEBUG=1 to see where it came from.')
  }
  return known && error.code === 'usage' ? EXIT.usage : EXIT.failure
}

function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : errorMessage(thrown)
}
