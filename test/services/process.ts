import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { ServerAccount } from '../../src/embedded-postgres/server-account.ts'

/** A server to run. */
export interface ProcessOptions {
  readonly command: readonly string[]
  readonly account: ServerAccount
  readonly env: Readonly<Record<string, string>>
  /** Where both its outputs go. */
  readonly logFile: string
  /** Removed as well when this process dies without stopping the server. */
  readonly folders: readonly string[]
  readonly stopSignal: 'SIGINT' | 'SIGTERM'
}

/** A server that runs, until it is stopped or this process dies. */
export interface RunningProcess {
  readonly pid: number
  readonly exited: Promise<void>
  isRunning(): boolean
  /** Ends it with its stop signal, after 20 s with SIGKILL. */
  stop(): Promise<void>
  /** Ends it with SIGKILL. */
  kill(): Promise<void>
  /** The end of its log. */
  logTail(): string
}

const STOP_LIMIT_MS = 20_000

/** Starts a server; it is up to the caller to wait until it is ready. */
export function runProcess(options: ProcessOptions): RunningProcess {
  const [file = '', ...args] = [...options.account.prefix, ...options.command]
  const log = openSync(options.logFile, 'a')
  const child = spawn(file, args, {
    ...options.account.spawnAs,
    cwd: '/',
    env: { ...options.env },
    detached: true,
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  const { pid } = child
  let running = pid !== undefined
  const dismiss = pid === undefined ? undefined : guardProcess(pid, options)
  const exited = new Promise<void>((resolve) => {
    const end = (): void => {
      running = false
      dismiss?.()
      resolve()
    }
    child.on('exit', end)
    child.on('error', end)
  })
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (running) child.kill(signal)
    await exited
  }
  return {
    pid: pid ?? 0,
    exited,
    isRunning: () => running,
    stop: async () => {
      const patience = new AbortController()
      void delay(STOP_LIMIT_MS, undefined, { signal: patience.signal }).then(
        () => end('SIGKILL'),
        () => undefined,
      )
      await end(options.stopSignal)
      patience.abort()
    },
    kill: () => end('SIGKILL'),
    logTail: () => readFileSync(options.logFile, 'utf8').split('\n').slice(-15).join('\n'),
  }
}

// The shell waits on a pipe that only this process holds: when this process dies, by whatever
// signal, the pipe closes, and the shell ends the server and removes its folder.
const GUARD = `
  read -r word
  [ "$word" = done ] && exit 0
  kill -s "$2" "$1"
  n=0
  while kill -0 "$1" 2>/dev/null && [ $n -lt 50 ]; do sleep 0.1; n=$((n + 1)); done
  kill -KILL "$1" 2>/dev/null
  shift 2
  rm -rf -- "$@"
`

/**
 * Sets a guard over a process: should this process die, the guard ends that one and removes its
 * folders. The answer dismisses the guard.
 */
export function guardProcess(
  pid: number,
  options: Pick<ProcessOptions, 'folders' | 'stopSignal'>,
): () => void {
  const signal = options.stopSignal.slice('SIG'.length)
  const guard = spawn('sh', ['-c', GUARD, 'guard', String(pid), signal, ...options.folders], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  guard.unref()
  guard.stdin.on('error', () => undefined)
  return () => {
    guard.stdin.end('done\n')
  }
}
