import type { PoolOptions } from 'mysql2/promise'
import { CrossdockError } from '../../domain/errors.ts'
import { CONNECTION_WAIT_MS } from '../limits.ts'

/** How to reach a MySQL or MariaDB server: what `mysql2` takes, narrowed to what we use. */
export interface MysqlConnection {
  readonly uri?: string
  readonly host?: string
  readonly port?: number
  readonly socketPath?: string
  readonly user?: string
  readonly password?: string
  readonly database?: string
  readonly ssl?: {
    readonly ca?: string
    readonly cert?: string
    readonly key?: string
    readonly rejectUnauthorized?: boolean
    /** Whether the certificate must be of this host. */
    readonly verifyIdentity?: boolean
  }
}

/** What every connection of ours is told. Also for those outside a store. */
export function options(connection: MysqlConnection, program: string): PoolOptions {
  return {
    ...connection,
    charset: 'utf8mb4_bin',
    // Times are UTC in the tables, in the sessions and here.
    timezone: 'Z',
    supportBigNumbers: true,
    bigNumberStrings: true,
    // Rows that an UPDATE found, but left as they were, are not counted.
    flags: ['-FOUND_ROWS'],
    connectTimeout: CONNECTION_WAIT_MS,
    enableKeepAlive: true,
    keepAliveInitialDelay: 10_000,
    connectAttributes: { program_name: program },
  }
}

/**
 * The database that a connection leads to.
 * @throws CrossdockError `config_invalid` where it names none
 */
export function databaseOf({ database, uri }: MysqlConnection): string {
  const named =
    database ?? decodeURIComponent(/^\w+:\/\/[^/]*\/([^/?]*)/.exec(uri ?? '')?.[1] ?? '')
  if (named !== '') return named
  throw new CrossdockError(
    'config_invalid',
    'the address of the database names no database: it ends like mysql://HOST:3306/crossdock',
  )
}
