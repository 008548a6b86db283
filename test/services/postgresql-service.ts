/** A PostgreSQL server for tests. */
export interface PostgresqlService {
  /** For `pg`; the superuser of a server that a test may do anything with. */
  readonly url: string
  /** Such as `15.18`. */
  readonly version: string
  /** Where it comes from. */
  readonly origin: 'CROSSDOCK_TEST_POSTGRESQL_URL' | 'debian' | 'installed' | 'embedded'
  /** Whether `restart` and `kill` work: not on a server that someone else runs. */
  readonly controllable: boolean
  /** The postmaster's, as of now; `undefined` where it is not controllable. */
  readonly pid: number | undefined
  /** Ends the server and removes its data; may be called twice. */
  stop(): Promise<void>
  /** Stops it, if it runs, and starts it on the same data and under the same url. */
  restart(): Promise<void>
  /** Ends it with SIGKILL, as a crash would. */
  kill(): Promise<void>
}
