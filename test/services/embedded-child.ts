import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import type { EmbeddedPostgres } from '../../src/embedded-postgres/start.ts'

/** Another process that uses the embedded PostgreSQL. */
export interface EmbeddedChild extends Pick<EmbeddedPostgres, 'pid' | 'adopted' | 'connection'> {
  /** Ends its use in an orderly way, and the process. */
  stop(): Promise<void>
  /** Ends the process, not the server, with SIGKILL. */
  kill(): Promise<void>
}

/** What {@link startEmbeddedChild} starts. */
export interface EmbeddedChildOptions {
  readonly dataDir: string
  /** The launcher's `start.ts`; default: the repository's. */
  readonly launcher?: string
  /** Put before the command, to run as someone else. */
  readonly prefix?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
}

/** Starts such a process and waits until its server is ready; rejects with what it wrote to stderr. */
export async function startEmbeddedChild(options: EmbeddedChildOptions): Promise<EmbeddedChild> {
  const program = path.join(import.meta.dirname, 'embedded-program.ts')
  const repository = path.resolve(import.meta.dirname, '../..')
  const launcher = options.launcher ?? path.join(repository, 'src/embedded-postgres/start.ts')
  const words = [...(options.prefix ?? []), process.execPath, program, launcher, options.dataDir]
  const child = spawn('/usr/bin/env', words, {
    // Not the repository: binaries are also looked for from the working directory.
    cwd: '/',
    env: options.env ?? process.env,
  })
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString('utf8')))
  const ended = once(child, 'exit')
  const first = await Promise.race([once(child.stdout, 'data'), ended.then(() => undefined)])
  if (first === undefined) throw new Error(errors)
  const told = JSON.parse(String(first[0])) as Pick<EmbeddedChild, 'pid' | 'adopted' | 'connection'>
  return {
    ...told,
    stop: async () => {
      child.stdin.write('stop\n')
      await ended
    },
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}
