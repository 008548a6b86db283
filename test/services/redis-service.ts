/** A Redis server for tests. */
export interface RedisService {
  /** `redis://:password@127.0.0.1:port/0`. */
  readonly url: string
  /** Such as `7.0.15`. */
  readonly version: string
  /** Where it comes from. */
  readonly origin: 'CROSSDOCK_TEST_REDIS_URL' | 'debian' | 'installed'
  /** Whether everything below but `stop` works: not on a server that someone else runs. */
  readonly controllable: boolean
  /** The server's, as of now; `undefined` where it is not controllable. */
  readonly pid: number | undefined
  /** Ends the server and removes its data; may be called twice. */
  stop(): Promise<void>
  /** Stops it, if it runs, and starts it under the same url, empty. */
  restart(): Promise<void>
  /** Ends it with SIGKILL, as a crash would. `restart` brings it back. */
  kill(): Promise<void>
  /** Lets it answer nothing, while its port stays open, until `resume`. */
  pause(): void
  /** Ends a `pause`. */
  resume(): void
}
