import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import mysql from 'mysql2/promise'
import {
  candidateAccounts,
  runAs,
  type ServerAccount,
} from '../../src/embedded-postgres/server-account.ts'
import { makeData } from './data-template.ts'
import { freePort } from './free-port.ts'
import type { MariadbService } from './mariadb-service.ts'
import { runProcess, type RunningProcess } from './process.ts'
import { ServiceUnavailable } from './require.ts'

/** MariaDB's programs and what they need to run. */
export interface MariadbPrograms {
  /** What stands for `/usr`. */
  readonly base: string
  readonly env: Readonly<Record<string, string>>
}

const PASSWORD = 'crossdock-test'
const START_LIMIT_MS = 30_000
const DEFAULT_SETTINGS = {
  bind_address: '127.0.0.1',
  skip_name_resolve: 'ON',
  innodb_flush_log_at_trx_commit: '0',
  innodb_flush_method: 'nosync',
  innodb_doublewrite: '0',
  innodb_buffer_pool_size: '128M',
  sync_binlog: '0',
  performance_schema: 'OFF',
  max_connections: '200',
  pid_file: 'server.pid',
}

/**
 * Runs a server of these programs on a free port of 127.0.0.1, its data in a temporary folder.
 * @throws ServiceUnavailable when the programs do not run here
 */
export async function startMariadbServer(
  programs: MariadbPrograms,
  origin: MariadbService['origin'],
  settings: Readonly<Record<string, string>>,
): Promise<MariadbService> {
  const folder = await mkdtemp(path.join(tmpdir(), 'crossdock-test-'))
  const { account, version } = await tryPrograms(programs, folder)
  const port = await freePort()
  const url = `mysql://crossdock:${PASSWORD}@127.0.0.1:${port}`
  const data = path.join(folder, 'data')
  await initialise(programs, { account, version }, data)
  const users = path.join(folder, 'users.sql')
  await writeFile(
    users,
    `CREATE USER IF NOT EXISTS crossdock@'%' IDENTIFIED BY '${PASSWORD}';\n` +
      `GRANT ALL ON *.* TO crossdock@'%' WITH GRANT OPTION;\n`,
    { mode: 0o644 },
  )
  const values = {
    ...DEFAULT_SETTINGS,
    ...settings,
    port: String(port),
    datadir: data,
    socket: path.join(folder, 'socket'),
    // Servers that share a folder for temporary tables remove each other's at their start.
    tmpdir: folder,
    init_file: users,
  }
  const start = (): Promise<RunningProcess> =>
    startReady(url, () =>
      runProcess({
        command: [
          path.join(programs.base, 'sbin/mariadbd'),
          '--no-defaults',
          `--basedir=${programs.base}`,
          ...Object.entries(values).map(([name, value]) => `--${name}=${value}`),
        ],
        account,
        env: environment(programs),
        logFile: path.join(folder, 'server.log'),
        folders: [folder],
        stopSignal: 'SIGTERM',
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
  programs: MariadbPrograms,
  folder: string,
): Promise<{ account: ServerAccount; version: string }> {
  const mariadbd = path.join(programs.base, 'sbin/mariadbd')
  let output = ''
  for (const account of candidateAccounts()) {
    const { owner } = account
    if (owner !== undefined) await chown(folder, owner.uid, owner.gid)
    const command = ['sh', '-c', 'cd -- "$1" && exec "$2" --version', 'sh', folder, mariadbd]
    const tried = await runAs(account, withEnvironment(programs, command))
    const version = /Ver (\S+)/.exec(tried.output)?.[1]
    if (tried.ok && version !== undefined) return { account, version }
    ;({ output } = tried)
  }
  await rm(folder, { recursive: true })
  throw new ServiceUnavailable(`${mariadbd} does not run here: ${output}`)
}

async function initialise(
  programs: MariadbPrograms,
  { account, version }: { readonly account: ServerAccount; readonly version: string },
  data: string,
): Promise<void> {
  const options = [
    '--no-defaults',
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    '--innodb-flush-method=nosync',
  ]
  await makeData(data, {
    server: `mariadb-${version}`,
    account,
    options,
    command: (made) =>
      withEnvironment(programs, [
        path.join(programs.base, 'bin/mariadb-install-db'),
        ...options,
        `--basedir=${programs.base}`,
        `--datadir=${made}`,
        // Several at once would remove each other's temporary tables.
        `--tmpdir=${path.dirname(made)}`,
      ]),
  })
}

function environment(programs: MariadbPrograms): Readonly<Record<string, string>> {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', ...programs.env }
}

function withEnvironment(programs: MariadbPrograms, command: readonly string[]): readonly string[] {
  const named = Object.entries(environment(programs)).map(([name, value]) => `${name}=${value}`)
  return ['env', ...named, ...command]
}

// Again when it ends early: after a kill the files may be locked for a moment.
async function startReady(url: string, start: () => RunningProcess): Promise<RunningProcess> {
  const deadline = Date.now() + START_LIMIT_MS
  let server = start()
  for (;;) {
    const ready = await mysql.createConnection({ uri: url, connectTimeout: 5_000 }).then(
      async (connection) => {
        connection.destroy()
        return true
      },
      () => false,
    )
    if (ready && server.isRunning()) return server
    if (Date.now() > deadline) {
      await server.kill()
      throw new Error(`MariaDB did not become ready:\n${server.logTail()}`)
    }
    await delay(50)
    if (!server.isRunning()) server = start()
  }
}
