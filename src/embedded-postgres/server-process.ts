import { spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { isSameProcess } from './process-identity.ts'
import type { ServerAccount } from './server-account.ts'
import { serverEnvironment } from './server-settings.ts'

/** How the server ended; both `undefined` where it was not this process's child. */
export interface ServerExit {
  readonly code?: number
  readonly signal?: string
  /** Why it could not even be started. */
  readonly message?: string
}

/** A server process, started here or by someone who has died since. */
export interface ServerProcess {
  readonly pid: number
  /** Resolves once it has ended; never rejects. */
  readonly exited: Promise<ServerExit>
  /** Whether it still runs. */
  isRunning(): Promise<boolean>
}

const WATCH_MS = 1_000
const POLL_MS = 20
const FAST_SHUTDOWN_LIMIT_MS = 30_000
const QUIT_LIMIT_MS = 5_000

/** Starts the server in a process group of its own: Ctrl-C in the terminal reaches it otherwise. */
export function spawnServer(
  account: ServerAccount,
  command: readonly string[],
  logDescriptor: number,
): ServerProcess {
  const [file = '', ...args] = [...account.prefix, ...command]
  const child = spawn(file, args, {
    ...account.spawnAs,
    cwd: '/',
    env: serverEnvironment(),
    detached: true,
    stdio: ['ignore', logDescriptor, logDescriptor],
  })
  child.unref()
  let running = child.pid !== undefined
  const exited = new Promise<ServerExit>((resolve) => {
    child.on('error', (error) => {
      resolve({ message: error.message })
    })
    child.on('exit', (code, signal) => {
      running = false
      resolve({ ...(code !== null && { code }), ...(signal !== null && { signal }) })
    })
  })
  return { pid: child.pid ?? 0, exited, isRunning: () => Promise.resolve(running) }
}

/** Watches a server that is not our child: its end is noticed within a second. */
export function adoptServer(pid: number, token: string): ServerProcess {
  const isRunning = (): Promise<boolean> => isSameProcess(pid, token)
  const exited = new Promise<ServerExit>((resolve) => {
    const timer = setInterval(() => {
      void isRunning().then((running) => {
        if (running) return
        clearInterval(timer)
        resolve({})
      })
    }, WATCH_MS)
    timer.unref()
  })
  return { pid, exited, isRunning }
}

/**
 * Ends the server: open transactions are rolled back and a checkpoint is written (SIGINT, 30 s);
 * after that without one (SIGQUIT), which loses nothing that was committed but makes the next
 * start recover. Answers whether it has ended.
 */
export async function stopServer(server: ServerProcess): Promise<boolean> {
  const steps = [
    ['SIGINT', FAST_SHUTDOWN_LIMIT_MS],
    ['SIGQUIT', QUIT_LIMIT_MS],
  ] as const
  for (const [signal, limitMs] of steps) {
    if (!(await server.isRunning())) return true
    signalServer(server.pid, signal)
    const deadline = Date.now() + limitMs
    while (Date.now() < deadline) {
      if (!(await server.isRunning())) return true
      await delay(POLL_MS)
    }
  }
  return !(await server.isRunning())
}

function signalServer(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended between the question and the signal, or belongs to another user: the caller sees.
  }
}
