import { spawn, type ChildProcess } from 'node:child_process'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** The root of the repository, where every child runs. */
export const root = path.resolve(import.meta.dirname, '../..')

/** How long children may take to stop their servers after an interrupt. */
const STOP_GRACE_MS = 15_000

/** How long output may still come after a child has ended. */
const OUTPUT_GRACE_MS = 2_000

/** A group of its own, so that a child's servers and workers are reached with it. */
const OWN_GROUP = process.platform !== 'win32'

const running = new Set<ChildProcess>()
let interrupted = false

/** How a child ended. */
export interface Ended {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly durationMs: number
  /** What it wrote to both streams, empty where it wrote to the terminal itself. */
  readonly output: string
  readonly timedOut: boolean
}

export interface ChildOptions {
  /** `capture` gathers the output; `tee` passes it on as well; `inherit` leaves it to the child. */
  readonly output: 'capture' | 'tee' | 'inherit'
  /** Put over the environment of this process. */
  readonly env?: Readonly<Record<string, string>>
  /** After this the child and its group are killed. */
  readonly timeoutMs: number
}

/**
 * Runs a JavaScript or TypeScript program with the Node that runs this one, from the root of the
 * repository. Never rejects: a child that cannot be started is one without exit code.
 */
export async function runNode(args: readonly string[], options: ChildOptions): Promise<Ended> {
  const startedAt = performance.now()
  const stream = options.output === 'inherit' ? 'inherit' : 'pipe'
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ['ignore', stream, stream],
    env: { ...process.env, ...options.env },
    detached: OWN_GROUP,
  })
  running.add(child)

  let timedOut = false
  const limit = setTimeout(() => {
    timedOut = true
    signalGroup(child, 'SIGKILL')
  }, options.timeoutMs)

  let output = ''
  const gather = (chunk: string) => {
    output += chunk
    if (options.output === 'tee') process.stdout.write(chunk)
  }
  child.stdout?.setEncoding('utf8').on('data', gather)
  child.stderr?.setEncoding('utf8').on('data', gather)

  const ending = await ended(child).catch((error: unknown) => {
    output += String(error)
    return { exitCode: null, signal: null }
  })
  clearTimeout(limit)
  running.delete(child)
  // What a crashed child left behind would hold ports and memory of the areas after it.
  signalGroup(child, 'SIGKILL')
  await outputClosed(child)
  return { ...ending, durationMs: performance.now() - startedAt, output, timedOut }
}

function ended(child: ChildProcess): Promise<Pick<Ended, 'exitCode' | 'signal'>> {
  const { promise, resolve, reject } = Promise.withResolvers<Pick<Ended, 'exitCode' | 'signal'>>()
  child.once('error', reject)
  child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }))
  return promise
}

/** Waits for the rest of the output, but not for a server in a group of its own that holds the pipe. */
async function outputClosed(child: ChildProcess): Promise<void> {
  const open = [child.stdout, child.stderr].filter((stream) => stream !== null && !stream.closed)
  const closed = open.map((stream) => new Promise((resolve) => stream?.once('close', resolve)))
  await Promise.race([Promise.all(closed), sleep(OUTPUT_GRACE_MS, undefined, { ref: false })])
}

/** Whether the run was interrupted: nothing further is to be started. */
export function wasInterrupted(): boolean {
  return interrupted
}

/**
 * Stops every running child: the first time as Ctrl-C would, killing what has not ended
 * {@link STOP_GRACE_MS} later; the second time at once.
 */
export function interruptChildren(): void {
  const signal = interrupted ? 'SIGKILL' : 'SIGINT'
  interrupted = true
  for (const child of running) signalGroup(child, signal)
  setTimeout(() => {
    for (const child of running) signalGroup(child, 'SIGKILL')
  }, STOP_GRACE_MS).unref()
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    if (OWN_GROUP) process.kill(-child.pid, signal)
    else child.kill(signal)
  } catch {
    // The group has ended: there is nobody to tell.
  }
}
