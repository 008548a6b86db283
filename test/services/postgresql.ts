import pg from 'pg'
import { unpackService, type UnpackedService } from './debian-packages.ts'
import { installedPostgresql, startPostgresqlServer, type Programs } from './postgresql-server.ts'
import type { PostgresqlService } from './postgresql-service.ts'
import { ServiceUnavailable } from './require.ts'

/** What {@link startPostgresql} is told. */
export interface PostgresqlOptions {
  /** Server settings, such as `{ fsync: 'on' }`: it is off unless asked for. */
  readonly settings?: Readonly<Record<string, string>>
}

/**
 * Starts a real PostgreSQL: the one that CROSSDOCK_TEST_POSTGRESQL_URL names, else Debian's
 * packages in a cache folder, else an installed one where there is no apt. It ends with this
 * process, however that ends.
 * @throws ServiceUnavailable when none of these can be had
 */
export async function startPostgresql(options: PostgresqlOptions = {}): Promise<PostgresqlService> {
  const url = process.env['CROSSDOCK_TEST_POSTGRESQL_URL'] ?? ''
  if (url !== '') return foreignServer(url)
  const { programs, origin } = await findPrograms()
  return startPostgresqlServer(programs, origin, options.settings ?? {})
}

/**
 * Fetches what {@link startPostgresql} needs, so that no test's time limit has to cover a download.
 * @throws ServiceUnavailable
 */
export async function preparePostgresql(): Promise<void> {
  if ((process.env['CROSSDOCK_TEST_POSTGRESQL_URL'] ?? '') === '') await findPrograms()
}

async function findPrograms(): Promise<{ programs: Programs; origin: 'debian' | 'installed' }> {
  try {
    return { programs: debianPrograms(await unpackDebian()), origin: 'debian' }
  } catch (error) {
    if (!(error instanceof ServiceUnavailable)) throw error
    const programs = await installedPostgresql()
    if (programs === undefined) throw error
    process.stderr.write(`Tests use the installed PostgreSQL, as ${error.message}\n`)
    return { programs, origin: 'installed' }
  }
}

function unpackDebian(): Promise<UnpackedService> {
  return unpackService({
    name: 'postgresql',
    packages: async (apt) => {
      const names = await apt.packageNames('postgresql-')
      const majors = names.flatMap((name) => /^postgresql-(\d+)$/.exec(name)?.[1] ?? [])
      if (majors.length === 0) throw new ServiceUnavailable('apt knows no package of PostgreSQL')
      return [`postgresql-${Math.max(...majors.map(Number))}`]
    },
    // Scripts that set up the machine, and the compiler for jit, which is left off.
    omit: /perl|^(postgresql-c|ssl-cert|openssl|locales|libc-|libc6|ucf|libllvm|libz3|adduser|passwd|usrmerge|lsb-)/,
  })
}

function debianPrograms(unpacked: UnpackedService): Programs {
  const major = unpacked.packages[0]?.slice('postgresql-'.length) ?? ''
  return {
    folder: `${unpacked.root}/usr/lib/postgresql/${major}/bin`,
    env: { LD_LIBRARY_PATH: unpacked.libraryPath },
  }
}

async function foreignServer(url: string): Promise<PostgresqlService> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query<{ server_version: string }>('SHOW server_version')
  await client.end()
  const refuse = async (): Promise<void> => {
    throw new ServiceUnavailable('the server of CROSSDOCK_TEST_POSTGRESQL_URL is not ours to stop')
  }
  return {
    url,
    version: rows[0]?.server_version.split(' ')[0] ?? '',
    origin: 'CROSSDOCK_TEST_POSTGRESQL_URL',
    controllable: false,
    pid: undefined,
    stop: async () => undefined,
    restart: refuse,
    kill: refuse,
  }
}
