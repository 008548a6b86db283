import path from 'node:path'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { Application, RunningInstance } from '../../../src/cli/application.ts'
import { main } from '../../../src/cli/main.ts'
import type { StopSignal, Terminal } from '../../../src/cli/terminal.ts'
import type { Configuration } from '../../../src/config/configuration.ts'
import { mappingCheck } from '../../../src/expressions/check.ts'
import { httpAdapter } from '../config/load-from.ts'

/** What a command line did. */
export interface Outcome {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** What surrounds a command line in a test. */
export interface Surroundings {
  /** The text of ./configuration.json; default: an empty configuration. */
  readonly configuration?: string
  readonly application?: Partial<Application>
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** Sent when the command listens for signals and an instance runs. */
  readonly signals?: readonly StopSignal[]
}

/** Runs a command line against doubles of the terminal and of the application. */
export async function run(argv: string, surroundings: Surroundings = {}): Promise<Outcome> {
  return runWords(argv === '' ? [] : argv.split(' '), surroundings)
}

/** The same for words that hold spaces. */
export async function runWords(
  words: readonly string[],
  { configuration = '{}', application = {}, env = {}, input, signals = [] }: Surroundings = {},
): Promise<Outcome> {
  const cwd = mkdtempSync(path.join(tmpdir(), 'crossdock-cli-'))
  writeFileSync(path.join(cwd, 'configuration.json'), configuration)
  const out: string[] = []
  const err: string[] = []
  let exited: number | undefined
  const terminal: Terminal = {
    cwd,
    env,
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    status: () => undefined,
    input: async () => input,
    onFault: () => () => undefined,
    onSignal: (listener) => {
      setImmediate(() => signals.forEach((signal) => listener(signal)))
      return () => undefined
    },
    exit: (code) => {
      exited ??= code
    },
    adapters: [httpAdapter],
    mappingCheck,
    application: async () => ({ ...unusable, ...application }),
  }
  const exitCode = await main(words, terminal)
  rmSync(cwd, { recursive: true, force: true })
  return { exitCode: exited ?? exitCode, stdout: out.join('\n'), stderr: err.join('\n') }
}

/** An instance that runs until it is shut down. */
export function instanceOf(
  configuration: Configuration,
  parts: Partial<RunningInstance> = {},
): RunningInstance {
  const { promise: stopped, resolve } = Promise.withResolvers<undefined>()
  return {
    url: 'http://127.0.0.1:8080',
    configuration,
    services: [],
    status: async () => ({ handlers: ['examples.hello'] }),
    shutdown: async () => resolve(undefined),
    stopped,
    ...parts,
  }
}

const unusable: Application = {
  startCrossdock: unexpected,
  probeConnections: unexpected,
  migrateDatabase: unexpected,
  runSql: unexpected,
  withSchedules: unexpected,
  testMapping: unexpected,
  tryMessage: unexpected,
  tryDead: unexpected,
  changePause: unexpected,
  listPauses: unexpected,
  withDeadLetters: unexpected,
  loadHandlerFolders: unexpected,
}

function unexpected(): never {
  throw new Error('this test does not expect the application to be used')
}
