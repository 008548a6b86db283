import type { TryDeadOptions, TryDeadReport } from '../app/try-dead.ts'
import type { StoredMessage, UnstoredMessage } from '../app/try-message.ts'
import type { TryOptions, TryReport } from '../app/trials.ts'
import type { Configuration } from '../config/configuration.ts'
import type { Headers } from '../domain/job.ts'
import type { InputProblem } from '../ports/adapter.ts'
import type { DeadLetters } from '../ports/dead-letters.ts'
import type { Log } from '../ports/log.ts'
import type { ProbeReport } from '../ports/probe.ts'
import type { PauseChange, PauseRecord } from '../ports/pauses.ts'
import type { StoredSchedule } from '../ports/schedule-book.ts'
import type { ScheduleOperations, SchedulePreview } from '../ports/schedule-operations.ts'

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
  | {
      readonly outcome: 'stored'
      readonly row: Readonly<Record<string, unknown>>
      /** Of its routes, one for each target; the first row is one of them where there is no handler. */
      readonly routed: readonly Readonly<Record<string, unknown>>[]
    }
  | { readonly outcome: 'filtered' }
  | {
      readonly outcome: 'invalid'
      readonly reason: string
      readonly problems: readonly InputProblem[]
    }

export type { DeadTrial, TryDeadReport } from '../app/try-dead.ts'
export type { TryOptions, TryReport } from '../app/trials.ts'

/** A message to try. */
export type TryMessage = StoredMessage | UnstoredMessage
/** What commands do with schedules, and how they are shown. */
export interface ScheduleDesk {
  readonly operations: ScheduleOperations
  readonly scheduleJson: (schedule: StoredSchedule) => object
  readonly previewJson: (preview: SchedulePreview) => object
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
  probeConnections(configuration: Configuration, log: Log): Promise<readonly ProbeReport[]>
  migrateDatabase(
    configuration: Configuration,
    options: { dryRun: boolean; log: Log },
  ): Promise<{ readonly applied: readonly string[]; readonly pending: readonly string[] }>
  runSql(
    configuration: Configuration,
    text: string,
    log: Log,
  ): Promise<{ readonly results: readonly SqlResult[] }>
  withSchedules<T>(
    configuration: Configuration,
    log: Log,
    work: (desk: ScheduleDesk) => Promise<T>,
  ): Promise<T>
  testMapping(
    configuration: Configuration,
    request: {
      readonly subscription: string
      readonly bodies: readonly Uint8Array[]
      readonly headers: Headers
    },
    log: Log,
  ): Promise<readonly MessagePreview[]>
  tryMessage(
    configuration: Configuration,
    message: TryMessage,
    options: TryOptions,
    log: Log,
  ): Promise<TryReport>
  tryDead(configuration: Configuration, options: TryDeadOptions, log: Log): Promise<TryDeadReport>
  changePause(configuration: Configuration, change: PauseChange, log: Log): Promise<PauseRecord>
  listPauses(
    configuration: Configuration,
    log: Log,
  ): Promise<{
    readonly records: readonly PauseRecord[]
    readonly queues: readonly { readonly queue: string }[]
  }>
  withDeadLetters<T>(
    configuration: Configuration,
    log: Log,
    work: (deadLetters: DeadLetters) => Promise<T>,
  ): Promise<T>
  loadHandlerFolders(
    configuration: Configuration,
    log: Log,
  ): Promise<{ readonly names: readonly string[] }>
}
