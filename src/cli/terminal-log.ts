import { inspect } from 'node:util'
import type { Log } from '../ports/log.ts'
import type { Terminal } from './terminal.ts'

/** The log of a command that does one thing and ends: warnings and errors, as lines for people. */
export function terminalLog(terminal: Terminal): Log {
  const line =
    (word: string) =>
    (fields: object, message: string): void => {
      const facts =
        Object.keys(fields).length === 0 ? '' : ` ${inspect(fields, { breakLength: Infinity })}`
      terminal.err(`${word}: ${message}${facts}`)
    }
  const log: Log = {
    debug: () => undefined,
    info: () => undefined,
    warn: line('warning'),
    error: line('error'),
    child: () => log,
  }
  return log
}
