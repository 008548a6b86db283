import { createRequire } from 'node:module'
import { pino, type DestinationStream, type Logger } from 'pino'
import type * as PinoPretty from 'pino-pretty'
import type { Log } from '../ports/log.ts'
import { redactFields, redactText } from './redact.ts'

/** How a log is made. */
export interface LogOptions {
  /** Default `info`. */
  readonly level?: 'debug' | 'info' | 'warn' | 'error' | 'silent' | undefined
  /** `json`: one object a line. `auto`, the default: `pretty` on a terminal, else `json`. */
  readonly format?: 'auto' | 'pretty' | 'json' | undefined
  /** Default: the standard error output, so that a command's own output can be piped. */
  readonly destination?: DestinationStream | undefined
}

const STDERR = 2

/** The log of the process. Lines are written before the call returns: none is lost at an exit. */
export function createLog({ level = 'info', format = 'auto', destination }: LogOptions = {}): Log {
  const isTerminal = destination === undefined && process.stderr.isTTY
  const stream = destination ?? pino.destination({ dest: STDERR, sync: true })
  const isPretty = format === 'auto' ? isTerminal : format === 'pretty'
  return wrap(
    pino(
      {
        level,
        base: null,
        // Errors are made into fields, and redacted, before pino sees them.
        serializers: { err: asItIs, error: asItIs },
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      isPretty ? pretty(stream, isTerminal) : stream,
    ),
  )
}

/** A log that drops everything. */
export const silentLog: Log = {
  debug: drop,
  info: drop,
  warn: drop,
  error: drop,
  child: () => silentLog,
}

function asItIs(value: unknown): unknown {
  return value
}

function drop(): void {
  // Nothing is what it does.
}

/** Formatted right here: pino-pretty's own stream writes later, and loses lines at an exit. */
function pretty(destination: DestinationStream, colorize: boolean): DestinationStream {
  // Thirty modules, for those who read the log on a terminal.
  const { prettyFactory } = createRequire(import.meta.url)('pino-pretty') as typeof PinoPretty
  const format = prettyFactory({ colorize, translateTime: 'SYS:HH:MM:ss.l', singleLine: true })
  return {
    write: (line) => {
      destination.write(format(line))
    },
  }
}

function wrap(logger: Logger): Log {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (fields: object, message: string): void => {
      if (logger.isLevelEnabled(level)) logger[level](redactFields(fields), redactText(message))
    }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => wrap(logger.child(redactFields(fields))),
  }
}
