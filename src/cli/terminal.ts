import { text } from 'node:stream/consumers'
import type { AdapterDefinition } from '../ports/adapter.ts'
import type { MappingCheck } from '../ports/expressions.ts'
import type { Application } from './application.ts'
import { EXIT } from './exit-code.ts'

/** Signals that end an instance. */
export type StopSignal = 'SIGINT' | 'SIGTERM'

/** What surrounds a command: tests put their own in its place. */
export interface Terminal {
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  /** Writes what the command is for, with a newline behind it. */
  out(text: string): void
  /** Writes what accompanies it, with a newline behind it. */
  err(text: string): void
  /** Shows how far it is in a line that the next one replaces, on a terminal alone. Empty: takes it away. */
  status(text: string): void
  /** Everything on standard input; `undefined`: it is a terminal, and nobody would type it. */
  input(): Promise<string | undefined>
  /** Calls `listener` for each signal. Returns how to stop that. */
  onSignal(listener: (signal: StopSignal) => void): () => void
  /**
   * Calls `listener` for what nobody caught: a rejection that nobody awaited, or an exception outside
   * every promise. Returns how to stop that.
   */
  onFault(listener: (kind: 'rejection' | 'exception', error: unknown) => void): () => void
  /** Ends the process at once. */
  exit(code: number): void
  readonly adapters: readonly AdapterDefinition[]
  readonly mappingCheck: MappingCheck
  /** Loaded when a command first needs it: help and mistakes are answered without it. */
  application(): Promise<Application>
}

/** The terminal of this process. */
export async function processTerminal(): Promise<Terminal> {
  const { adapters, mappingCheck } = await import('../app/adapters.ts')
  // Whoever reads our output may have seen enough (`| head`): that is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failure)
  })
  return {
    cwd: process.cwd(),
    env: process.env,
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
    status: (line) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${line}`)
    },
    input: async () => (process.stdin.isTTY ? undefined : text(process.stdin)),
    onSignal: (listener) => {
      process.on('SIGINT', listener)
      process.on('SIGTERM', listener)
      return () => {
        process.off('SIGINT', listener)
        process.off('SIGTERM', listener)
      }
    },
    onFault: (listener) => {
      const onRejection = (error: unknown): void => {
        listener('rejection', error)
      }
      const onException = (error: unknown): void => {
        listener('exception', error)
      }
      process.on('unhandledRejection', onRejection)
      process.on('uncaughtException', onException)
      return () => {
        process.off('unhandledRejection', onRejection)
        process.off('uncaughtException', onException)
      }
    },
    exit: (code) => process.exit(code),
    adapters,
    mappingCheck,
    application: () => import('../app.ts'),
  }
}
