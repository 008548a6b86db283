/** A MariaDB or MySQL server for tests. */
export interface MariadbService {
  /** For `mysql2`, without a database; of a user who may do anything. */
  readonly url: string
  /** Such as `10.11.19-MariaDB`. */
  readonly version: string
  /** Where it comes from. */
  readonly origin:
    'CROSSDOCK_TEST_MARIADB_URL' | 'CROSSDOCK_TEST_MYSQL_URL' | 'debian' | 'installed'
  /** Whether `restart` and `kill` work: not on a server that someone else runs. */
  readonly controllable: boolean
  /** The server's, as of now; `undefined` where it is not controllable. */
  readonly pid: number | undefined
  /** Ends the server and removes its data; may be called twice. */
  stop(): Promise<void>
  /** Stops it, if it runs, and starts it on the same data and under the same url. */
  restart(): Promise<void>
  /** Ends it with SIGKILL, as a crash would. */
  kill(): Promise<void>
}
