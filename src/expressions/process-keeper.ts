import { type ChildProcess, fork } from 'node:child_process'
import type { Readable } from 'node:stream'
import { CrossdockError } from '../domain/errors.ts'
import type { MappingRules } from '../ports/expressions.ts'
import type { Log } from '../ports/log.ts'
import { BEGINS_FD, type FromProcess, type ToProcess } from './messages.ts'

/** What {@link startExpressionProcess} needs. */
export interface ExpressionProcessOptions {
  /** The file of the process. */
  readonly script: URL
  readonly rules: readonly MappingRules[]
  /** How long one message may take. */
  readonly limitMs: number
  /** Old space of the process's heap, in MiB. */
  readonly heapMib: number
  readonly log: Log
}

/** What a process has to say. */
export interface ExpressionProcessEvents {
  ready(): void
  /** It begins with the message at this place of its batch. */
  began(index: number): void
  results(message: Extract<FromProcess, { kind: 'results' }>): void
  /** It has ended, however that came; nothing follows. Told once. */
  ended(): void
}

/** One process that evaluates expressions. */
export interface ExpressionProcess {
  send(message: ToProcess): void
  /** Ends it at once; `ended` follows. */
  kill(): void
}

/** A half of the young space of the process's heap, in MiB: small beside the old one, which is the limit. */
const YOUNG_MIB = 8

/**
 * Starts a process for expressions. A process and not a thread: a single large allocation
 * (`$pad("", 2e8)`) goes past the limits of a thread and aborts the whole program. It is given no
 * environment: there are passwords in it.
 */
export function startExpressionProcess(
  { script, rules, limitMs, heapMib, log }: ExpressionProcessOptions,
  events: ExpressionProcessEvents,
): ExpressionProcess {
  let ended = false
  const end = (): void => {
    if (ended) return
    ended = true
    events.ended()
  }
  let child: ChildProcess
  try {
    child = fork(script, {
      execArgv: [
        `--max-old-space-size=${heapMib}`,
        `--max-semi-space-size=${YOUNG_MIB}`,
        '--disable-warning=ExperimentalWarning',
      ],
      env: {},
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'ipc'],
    })
  } catch (cause) {
    throw new CrossdockError('mapping_unavailable', 'no process for expressions can be started', {
      cause,
      retryable: true,
    })
  }
  child.on('error', (error) => {
    log.error({ err: error }, 'the process for expressions has failed')
    // One that could not be started has no end of its own.
    if (child.pid === undefined) end()
  })
  // Not `exit`: by now everything that it wrote has been read.
  child.on('close', end)
  child.on('message', (message: FromProcess) => {
    if (message.kind === 'ready') events.ready()
    else events.results(message)
  })
  const begins = child.stdio[BEGINS_FD] as Readable | null | undefined
  begins?.on('data', (bytes: Buffer) => {
    const last = bytes.at(-1)
    if (last !== undefined) events.began(last)
  })
  begins?.on('error', () => undefined)
  const send = (message: ToProcess): void => {
    // One that has ended tells so by itself.
    if (child.connected) child.send(message, () => undefined)
  }
  send({ kind: 'rules', rules, limitMs })
  return { send, kill: () => void child.kill('SIGKILL') }
}
