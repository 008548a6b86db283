import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'

/** One line that a handler logged. */
export interface RecordedLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
  /** Milliseconds since the recording began. */
  readonly atMs: number
}

/** A log that keeps what is logged, and passes it on to nobody. */
export function createRecordedLog(clock: Clock): {
  readonly log: Log
  readonly lines: readonly RecordedLine[]
} {
  const lines: RecordedLine[] = []
  const from = clock.monotonicMs()

  function bound(fixed: object): Log {
    const at =
      (level: RecordedLine['level']) =>
      (fields: object, message: string): void => {
        const atMs = clock.monotonicMs() - from
        lines.push({ level, message, fields: { ...fixed, ...fields }, atMs })
      }
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: (fields) => bound({ ...fixed, ...fields }),
    }
  }

  return { log: bound({}), lines }
}
