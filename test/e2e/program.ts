import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { findPostmaster } from '../../src/embedded-postgres/postmaster-file.ts'
import { guardProcess } from '../services/process.ts'

const REPOSITORY = path.resolve(import.meta.dirname, '../..')
const PROGRAM = path.join(REPOSITORY, 'bin/crossdock.js')
/** The folder of the example handlers. */
export const EXAMPLES = path.join(REPOSITORY, 'handlers/examples')
const START_LIMIT_MS = 60_000

/** How a process ended, and what it wrote. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

/** A configuration of its own, in a folder of its own. */
export interface TestFolder {
  readonly folder: string
  readonly config: string
  /** Ends a server that a test left behind, and removes the folder. */
  remove(): Promise<void>
}

/** `crossdock start`, ready. */
export interface RunningProgram {
  readonly url: string
  readonly pid: number
  /** Everything on standard output so far. */
  out(): string
  /** Everything on standard error so far. */
  err(): string
  readonly ended: Promise<Ended>
  isRunning(): boolean
  signal(name: NodeJS.Signals): void
  /** SIGINT, and how it ended. */
  stop(): Promise<Ended>
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
}

/** Writes a configuration into a new folder below the system's temporary one. */
export async function makeFolder(
  configuration: (folder: string) => Readonly<Record<string, unknown>>,
): Promise<TestFolder> {
  const folder = await mkdtemp(path.join(tmpdir(), 'crossdock-test-'))
  // Root's server runs as another user, who must be able to enter.
  await chmod(folder, 0o755)
  const config = path.join(folder, 'configuration.json')
  await writeFile(config, JSON.stringify(configuration(folder), undefined, 2))
  return {
    folder,
    config,
    remove: async () => {
      const left = await findPostmaster(path.join(folder, 'data/postgresql'))
      if (left !== undefined) process.kill(left.pid, 'SIGQUIT')
      await rm(folder, { recursive: true, force: true, maxRetries: 20 })
    },
  }
}

/** The default configuration's parts, on the embedded database of the folder unless told otherwise. */
export function exampleConfiguration(
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return {
    database: { type: 'embedded', data_dir: './data' },
    http: { host: '127.0.0.1', port: '${TEST_HTTP_PORT:0}', body_limit: '64kb' },
    jobs: { workers: 5, handlers: [EXAMPLES], lease_seconds: 2 },
    integrations: {
      http: {
        subscriptions: [
          { name: 'hello', path: '/in/hello', handler: 'examples.hello' },
          { name: 'slow', path: '/in/slow', handler: 'examples.slow' },
        ],
      },
    },
    ...more,
  }
}

/** Runs a command of the program to its end. */
export async function runCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  return await launch(args, env).ended
}

/** Runs a line as a person would who pasted it, in the repository. */
export async function paste(line: string): Promise<Ended> {
  return await collect(spawn('sh', ['-c', line], { cwd: REPOSITORY, env: process.env })).ended
}

/**
 * Starts an instance and waits until it says where it listens.
 * @throws Error with what it wrote when it ends instead
 */
export async function startProgram(
  { config, folder }: TestFolder,
  {
    args = [],
    env = {},
  }: { readonly args?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<RunningProgram> {
  const run = launch(['start', '--config', config, ...args], env)
  const dismiss = guardProcess(run.pid, { folders: [folder], stopSignal: 'SIGINT' })
  void run.ended.then(dismiss)
  const url = await Promise.race([
    run.ended.then(({ code, signal, out, err }) => {
      throw new Error(`it ended with ${String(code ?? signal)}:\n${out}\n${err}`)
    }),
    listening(run),
  ])
  return {
    ...run,
    url,
    stop: async () => {
      run.signal('SIGINT')
      return await run.ended
    },
    kill: async () => {
      run.signal('SIGKILL')
      await run.ended
    },
  }
}

type Run = Omit<RunningProgram, 'url' | 'stop' | 'kill'> & {
  readonly onOut: (listener: () => void) => void
}

function launch(args: readonly string[], env: Readonly<Record<string, string>>): Run {
  return collect(
    spawn(process.execPath, [PROGRAM, ...args], {
      cwd: REPOSITORY,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  )
}

function collect(child: ReturnType<typeof spawn>): Run {
  let out = ''
  let err = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text))
  let running = true
  const ended = once(child, 'close').then((values): Ended => {
    running = false
    const [code, signal] = values as [number | null, NodeJS.Signals | null]
    return { code, signal, out, err }
  })
  return {
    pid: child.pid ?? 0,
    out: () => out,
    err: () => err,
    onOut: (listener) => child.stdout?.on('data', listener),
    ended,
    isRunning: () => running,
    signal: (name) => void child.kill(name),
  }
}

function listening(run: Run): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      run.signal('SIGKILL')
      reject(new Error(`it did not become ready:\n${run.out()}\n${run.err()}`))
    }, START_LIMIT_MS)
    run.onOut(() => {
      // The banner comes whole: the commands are its last lines.
      const url = /is ready on (\S+)[^]*queue_jobs/.exec(run.out())?.[1]
      if (url === undefined) return
      clearTimeout(timer)
      resolve(url)
    })
    void run.ended.then(() => {
      clearTimeout(timer)
    })
  })
}
