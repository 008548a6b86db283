import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import mysql, { type RowDataPacket } from 'mysql2/promise'
import { unpackService } from './debian-packages.ts'
import { startMariadbServer, type MariadbPrograms } from './mariadb-server.ts'
import type { MariadbService } from './mariadb-service.ts'
import { ServiceUnavailable } from './require.ts'

/** What {@link startMariadb} is told. */
export interface MariadbOptions {
  /** Server settings, such as `{ innodb_flush_log_at_trx_commit: '1' }`: it is 0 unless asked for. */
  readonly settings?: Readonly<Record<string, string>>
}

/**
 * Starts a real MariaDB: the one that CROSSDOCK_TEST_MARIADB_URL names, else Debian's packages in a
 * cache folder, else an installed one where there is no apt. It ends with this process, however that
 * ends.
 * @throws ServiceUnavailable when none of these can be had
 */
export async function startMariadb(options: MariadbOptions = {}): Promise<MariadbService> {
  if (named('CROSSDOCK_TEST_MARIADB_URL') !== '') return foreignServer('CROSSDOCK_TEST_MARIADB_URL')
  const { programs, origin } = await findPrograms()
  return startMariadbServer(programs, origin, options.settings ?? {})
}

/**
 * The MySQL that CROSSDOCK_TEST_MYSQL_URL names. Debian has no packages of it.
 * @throws ServiceUnavailable where none is named
 */
export async function startMysql(): Promise<MariadbService> {
  if (named('CROSSDOCK_TEST_MYSQL_URL') === '') {
    throw new ServiceUnavailable('CROSSDOCK_TEST_MYSQL_URL names no server')
  }
  return foreignServer('CROSSDOCK_TEST_MYSQL_URL')
}

/** Makes an empty database with a name of its own. Returns its url. */
export async function createMariadbDatabase(service: { readonly url: string }): Promise<string> {
  const name = `test_${randomBytes(6).toString('hex')}`
  const connection = await mysql.createConnection({ uri: service.url })
  try {
    await connection.query(`CREATE DATABASE ${name}`)
  } finally {
    await connection.end()
  }
  return `${service.url.replace(/\/$/, '')}/${name}`
}

/**
 * Fetches what {@link startMariadb} needs, so that no test's time limit has to cover a download.
 * @throws ServiceUnavailable
 */
export async function prepareMariadb(): Promise<void> {
  if (named('CROSSDOCK_TEST_MARIADB_URL') === '') await findPrograms()
}

function named(variable: string): string {
  return process.env[variable] ?? ''
}

async function findPrograms(): Promise<{
  programs: MariadbPrograms
  origin: 'debian' | 'installed'
}> {
  try {
    const { root, libraryPath } = await unpackService({
      name: 'mariadb',
      packages: async () => ['mariadb-server-core', 'mariadb-client-core'],
      // Settings of the machine, and its C library.
      omit: /perl|^(mysql-common|mariadb-common|libc-|libc6|ucf|adduser|passwd|usrmerge|lsb-|debconf)/,
    })
    return {
      programs: { base: `${root}/usr`, env: { LD_LIBRARY_PATH: libraryPath } },
      origin: 'debian',
    }
  } catch (error) {
    if (!(error instanceof ServiceUnavailable)) throw error
    if (!existsSync('/usr/sbin/mariadbd') || !existsSync('/usr/bin/mariadb-install-db')) throw error
    process.stderr.write(`Tests use the installed MariaDB, as ${error.message}\n`)
    return { programs: { base: '/usr', env: {} }, origin: 'installed' }
  }
}

async function foreignServer(
  variable: 'CROSSDOCK_TEST_MARIADB_URL' | 'CROSSDOCK_TEST_MYSQL_URL',
): Promise<MariadbService> {
  const url = named(variable)
  const connection = await mysql.createConnection({ uri: url })
  const [rows] = await connection.query<(RowDataPacket & { version: string })[]>(
    'SELECT VERSION() AS version',
  )
  await connection.end()
  const refuse = async (): Promise<void> => {
    throw new ServiceUnavailable(`the server of ${variable} is not ours to stop`)
  }
  return {
    url,
    version: rows[0]?.version ?? '',
    origin: variable,
    controllable: false,
    pid: undefined,
    stop: async () => undefined,
    restart: refuse,
    kill: refuse,
  }
}
