import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import {
  candidateAccounts,
  runAs,
  type ServerAccount,
} from '../../src/embedded-postgres/server-account.ts'
import { freePort } from './free-port.ts'
import { runProcess, type RunningProcess } from './process.ts'
import type { RedisService } from './redis-service.ts'
import { ServiceUnavailable } from './require.ts'

/** Redis's program and what it needs to run. */
export interface RedisPrograms {
  /** The program `redis-server`. */
  readonly file: string
  readonly env: Readonly<Record<string, string>>
}

const PASSWORD = 'crossdock-test'
const START_LIMIT_MS = 20_000

/**
 * Runs a server of this program on a free port of 127.0.0.1. It keeps nothing on disk.
 * @throws ServiceUnavailable when the program does not run here
 */
export async function startRedisServer(
  programs: RedisPrograms,
  origin: RedisService['origin'],
): Promise<RedisService> {
  const folder = await mkdtemp(path.join(tmpdir(), 'crossdock-test-'))
  const { account, version } = await tryProgram(programs, folder)
  const port = await freePort()
  const url = `redis://:${PASSWORD}@127.0.0.1:${port}/0`
  const settings = {
    bind: '127.0.0.1',
    port: String(port),
    requirepass: PASSWORD,
    dir: folder,
    save: '',
    appendonly: 'no',
  }
  const start = (): Promise<RunningProcess> =>
    startReady(url, () =>
      runProcess({
        command: [
          programs.file,
          ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
        ],
        account,
        env: environment(programs),
        logFile: path.join(folder, 'server.log'),
        folders: [folder],
        stopSignal: 'SIGTERM',
      }),
    )
  let server = await start()
  const resume = (): void => {
    if (server.isRunning()) process.kill(server.pid, 'SIGCONT')
  }
  // One that was paused would not notice SIGTERM.
  const end = async (): Promise<void> => {
    resume()
    await server.stop()
  }
  return {
    url,
    version,
    origin,
    controllable: true,
    get pid() {
      return server.pid
    },
    stop: async () => {
      await end()
      await rm(folder, { recursive: true, force: true, maxRetries: 10 })
    },
    restart: async () => {
      await end()
      server = await start()
    },
    kill: () => server.kill(),
    pause: () => {
      process.kill(server.pid, 'SIGSTOP')
    },
    resume,
  }
}

async function tryProgram(
  programs: RedisPrograms,
  folder: string,
): Promise<{ account: ServerAccount; version: string }> {
  let output = ''
  for (const account of candidateAccounts()) {
    const { owner } = account
    if (owner !== undefined) await chown(folder, owner.uid, owner.gid)
    const named = Object.entries(environment(programs)).map(([name, value]) => `${name}=${value}`)
    const command = ['sh', '-c', 'cd -- "$1" && exec "$2" --version', 'sh', folder, programs.file]
    const tried = await runAs(account, ['env', ...named, ...command])
    const version = /\bv=(\S+)/.exec(tried.output)?.[1]
    if (tried.ok && version !== undefined) return { account, version }
    ;({ output } = tried)
  }
  await rm(folder, { recursive: true })
  throw new ServiceUnavailable(`${programs.file} does not run here: ${output}`)
}

function environment(programs: RedisPrograms): Readonly<Record<string, string>> {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', ...programs.env }
}

// Again when it ends early: after a kill the port may be taken for a moment.
async function startReady(url: string, start: () => RunningProcess): Promise<RunningProcess> {
  const deadline = Date.now() + START_LIMIT_MS
  let server = start()
  for (;;) {
    if ((await answers(url)) && server.isRunning()) return server
    if (Date.now() > deadline) {
      await server.kill()
      throw new Error(`Redis did not become ready:\n${server.logTail()}`)
    }
    await delay(20)
    if (!server.isRunning()) server = start()
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.ping()
    return true
  } catch {
    return false
  } finally {
    client.disconnect()
  }
}
