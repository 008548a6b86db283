import type { Configuration } from '../config/configuration.ts'
import type { Headers } from '../domain/job.ts'
import type { InputProblem } from '../ports/adapter.ts'
import type { Log } from '../ports/log.ts'

/** A part of an instance that `--only` names. */
export type InstancePart = 'api' | 'ingest' | 'worker' | 'scheduler'

/** A running instance, as commands see it. */
export interface RunningInstance {
  /** Where it listens; `undefined`: it serves no HTTP. */
  readonly url: string | undefined
  readonly configuration: Configuration
  /** What comes with it, such as a broker, and where that is. */
  readonly services: readonly { readonly protocol: string; readonly url: string }[]
  status(): Promise<object>
  /** Ends it gracefully; may be called twice. */
  shutdown(reason?: string): Promise<void>
  /** Settles when it has ended. */
  readonly stopped: Promise<void>
}

/** What one statement of a text gave. */
export interface SqlResult {
  /** `SELECT`, `INSERT`, … */
  readonly command: string
  readonly rowCount: number | null
  readonly columns: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
}

/** What would become of one message. */
export type MessagePreview =
  /** `row` by the names of columns. */
  | { readonly outcome: 'stored'; readonly row: Readonly<Record<string, unknown>> }
  | { readonly outcome: 'filtered' }
  | {
      readonly outcome: 'invalid'
      readonly reason: string
      readonly problems: readonly InputProblem[]
    }

/** What commands use of src/app.ts: tests put their own in its place. */
export interface Application {
  startCrossdock(options: {
    config?: string
    only?: readonly InstancePart[]
    queues?: readonly string[]
    port?: number
    env?: NodeJS.ProcessEnv
  }): Promise<RunningInstance>
  openDatabase(configuration: Configuration, log: Log): Promise<{ close(): Promise<void> }>
  migrateDatabase(
    configuration: Configuration,
    options: { dryRun: boolean; log: Log },
  ): Promise<{ readonly applied: readonly string[]; readonly pending: readonly string[] }>
  runSql(
    configuration: Configuration,
    text: string,
    log: Log,
  ): Promise<{ readonly results: readonly SqlResult[] }>
  testMapping(
    configuration: Configuration,
    request: {
      readonly subscription: string
      readonly bodies: readonly Uint8Array[]
      readonly headers: Headers
    },
    log: Log,
  ): Promise<readonly MessagePreview[]>
  loadHandlerFolders(
    configuration: Configuration,
    log: Log,
  ): Promise<{ readonly names: readonly string[] }>
}
