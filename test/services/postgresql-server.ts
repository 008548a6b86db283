import { existsSync } from 'node:fs'
import { chown, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import {
  candidateAccounts,
  runAs,
  type ServerAccount,
} from '../../src/embedded-postgres/server-account.ts'
import { makeData } from './data-template.ts'
import { freePort } from './free-port.ts'
import type { PostgresqlService } from './postgresql-service.ts'
import { runProcess, type RunningProcess } from './process.ts'
import { ServiceUnavailable } from './require.ts'

/** PostgreSQL's programs and what they need to run. */
export interface Programs {
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
}

const PASSWORD = 'crossdock-test'
const START_LIMIT_MS = 30_000
const DEFAULT_SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'off',
  full_page_writes: 'off',
  max_connections: '200',
  jit: 'off',
  TimeZone: 'UTC',
}

/** The newest PostgreSQL below /usr/lib/postgresql, if there is one. */
export async function installedPostgresql(): Promise<Programs | undefined> {
  const base = '/usr/lib/postgresql'
  const majors = (await readdir(base).catch(() => [])).sort((a, b) => Number(b) - Number(a))
  const folders = majors.map((major) => path.join(base, major, 'bin'))
  const folder = folders.find((candidate) => existsSync(path.join(candidate, 'postgres')))
  return folder === undefined ? undefined : { folder, env: {} }
}

/**
 * Runs a server of these programs on a free port of 127.0.0.1, its data in a temporary folder.
 * @throws ServiceUnavailable when the programs do not run here
 */
export async function startPostgresqlServer(
  programs: Programs,
  origin: PostgresqlService['origin'],
  settings: Readonly<Record<string, string>>,
): Promise<PostgresqlService> {
  const folder = await mkdtemp(path.join(tmpdir(), 'crossdock-test-'))
  const { account, version } = await tryPrograms(programs, folder)
  const port = await freePort()
  const url = `postgresql://crossdock:${PASSWORD}@127.0.0.1:${port}/postgres`
  const data = path.join(folder, 'data')
  await initialise(programs, { account, version }, folder, data)
  const named = Object.entries({ ...DEFAULT_SETTINGS, ...settings, port: String(port) })
  const start = (): Promise<RunningProcess> =>
    startReady(url, () =>
      runProcess({
        command: [
          path.join(programs.folder, 'postgres'),
          ...['-D', data, ...named.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
        ],
        account,
        env: environment(programs),
        logFile: path.join(folder, 'server.log'),
        folders: [folder],
        stopSignal: 'SIGINT',
      }),
    )
  let server = await start()
  return {
    url,
    version,
    origin,
    controllable: true,
    get pid() {
      return server.pid
    },
    stop: async () => {
      await server.stop()
      await rm(folder, { recursive: true, force: true, maxRetries: 10 })
    },
    restart: async () => {
      await server.stop()
      server = await start()
    },
    kill: () => server.kill(),
  }
}

async function tryPrograms(
  programs: Programs,
  folder: string,
): Promise<{ account: ServerAccount; version: string }> {
  const postgres = path.join(programs.folder, 'postgres')
  let output = ''
  for (const account of candidateAccounts()) {
    const { owner } = account
    if (owner !== undefined) await chown(folder, owner.uid, owner.gid)
    const command = ['sh', '-c', 'cd -- "$1" && exec "$2" --version', 'sh', folder, postgres]
    const tried = await runAs(account, withEnvironment(programs, command))
    const version = /\(PostgreSQL\) (\d\S*)/.exec(tried.output)?.[1]
    if (tried.ok && version !== undefined) return { account, version }
    ;({ output } = tried)
  }
  await rm(folder, { recursive: true })
  throw new ServiceUnavailable(`${postgres} does not run here: ${output}`)
}

async function initialise(
  programs: Programs,
  { account, version }: { readonly account: ServerAccount; readonly version: string },
  folder: string,
  data: string,
): Promise<void> {
  const passwordFile = path.join(folder, 'password')
  await writeFile(passwordFile, PASSWORD, { mode: 0o644 })
  const options = ['-U', 'crossdock', '-A', 'scram-sha-256']
  const form = ['-E', 'UTF8', '--locale=C', '--no-sync']
  await makeData(data, {
    server: `postgresql-${version}`,
    account,
    options: [...options, ...form, PASSWORD],
    command: (made) =>
      withEnvironment(programs, [
        path.join(programs.folder, 'initdb'),
        ...options,
        ...form,
        `--pwfile=${passwordFile}`,
        '-D',
        made,
      ]),
  })
}

function environment(programs: Programs): Readonly<Record<string, string>> {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', ...programs.env }
}

function withEnvironment(programs: Programs, command: readonly string[]): readonly string[] {
  const named = Object.entries(environment(programs)).map(([name, value]) => `${name}=${value}`)
  return ['env', ...named, ...command]
}

// Again when it ends early: after a kill the old backends hold the shared memory for a moment.
async function startReady(url: string, start: () => RunningProcess): Promise<RunningProcess> {
  const deadline = Date.now() + START_LIMIT_MS
  let server = start()
  for (;;) {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => undefined)
    const ready = await client.connect().then(
      () => true,
      () => false,
    )
    await client.end().catch(() => undefined)
    if (ready && server.isRunning()) return server
    if (Date.now() > deadline) {
      await server.kill()
      throw new Error(`PostgreSQL did not become ready:\n${server.logTail()}`)
    }
    await delay(50)
    if (!server.isRunning()) server = start()
  }
}
