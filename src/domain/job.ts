import type { Direction, JobTypeWord, Protocol } from './job-type.ts'
import type { JsonObject } from './json.ts'
import type { StatusWord } from './status.ts'

/**
 * Message headers as stored: names as sent, an array where a name repeats, `{base64}` for bytes.
 */
export type Headers = Readonly<
  Record<string, string | readonly string[] | { readonly base64: string }>
>

/** What a new job is made of. Only `id` and `handler` are needed; the rest has the columns' defaults. */
export interface NewJob {
  /** Made before the first try and kept over retries, so that storing it twice is one job. */
  readonly id: string
  /** Name of the handler that runs it. */
  readonly handler: string
  /** Which workers run it; default `default`. */
  readonly queue?: string | undefined
  readonly name?: string | undefined
  readonly description?: string | undefined
  /** Default `manual`. */
  readonly type?: JobTypeWord | undefined
  /** Inbound: HTTP method, topic, destination or hub event; outbound: the publication's name. */
  readonly method?: string | undefined
  readonly protocol?: Protocol | undefined
  /** Default `internal`. */
  readonly direction?: Direction | undefined
  readonly metadata?: JsonObject | undefined
  /** Text as stored: JSON unless `contentType` says otherwise, base64 where `payloadEncoding` says so. */
  readonly payload?: string | undefined
  readonly contentType?: string | undefined
  readonly payloadEncoding?: 'base64' | undefined
  readonly headers?: Headers | undefined
  /** Higher runs first; default 0. */
  readonly priority?: number | undefined
  /** Attempts after the first; left out: decided when claimed. */
  readonly maxRetries?: number | undefined
  /** In seconds; left out: decided when claimed. */
  readonly timeoutSeconds?: number | undefined
  /** Not before this time. */
  readonly scheduledAt?: Date | undefined
  /** Not before this many milliseconds from the insert, by the database's clock. */
  readonly delayMs?: number | undefined
  readonly parentJobId?: string | undefined
  /** The inbox key: a second job with it is never made. */
  readonly dedupeKey?: string | undefined
  /** No two waiting jobs share it. */
  readonly uniqueKey?: string | undefined
  /** Jobs of one tenant that share it run one at a time, in the order of their arrival. */
  readonly orderingKey?: string | undefined
  readonly tenantId?: string | undefined
  readonly createdBy?: string | undefined
  readonly traceparent?: string | undefined
  readonly correlationId?: string | undefined
  /** A message that could not be stored as asked is stored as Failed, with the reason. */
  readonly dead?: { readonly reason: string; readonly error: string } | undefined
}

/** How far a job has come. */
export interface Progress {
  readonly current: number
  readonly total: number
  readonly message: string | null
}

/** A job as its row says. */
export interface Job {
  readonly id: string
  readonly name: string | null
  readonly description: string | null
  readonly handler: string
  readonly type: JobTypeWord
  readonly status: StatusWord
  readonly protocol: string | null
  readonly direction: Direction
  readonly method: string | null
  readonly queue: string
  readonly priority: number
  readonly payload: string | null
  readonly contentType: string | null
  readonly payloadEncoding: string | null
  readonly headers: Headers | null
  readonly metadata: JsonObject | null
  /** What the handler returned: JSON text. */
  readonly result: string | null
  readonly lastError: string | null
  readonly deadReason: string | null
  readonly progress: Progress
  readonly retryCount: number
  readonly maxRetries: number | null
  readonly timeoutSeconds: number | null
  readonly tenantId: string | null
  readonly createdBy: string | null
  readonly parentJobId: string | null
  readonly orderingKey: string | null
  readonly correlationId: string | null
  readonly traceparent: string | null
  readonly scheduledAt: Date | null
  readonly createdAt: Date
  readonly startedAt: Date | null
  readonly completedAt: Date | null
  /** `rowversionstamp`: raised by changes through the API; the ETag. */
  readonly version: number
}

/** One execution of a job, as its row of `job_histories` says. */
export interface Execution {
  readonly id: string
  readonly executionId: string
  readonly status: StatusWord
  readonly startedAt: Date
  readonly completedAt: Date | null
  readonly durationMs: number | null
  readonly result: string | null
  /** What a far side answered. */
  readonly output: string | null
  readonly error: string | null
  readonly retryAttempt: number
  readonly executedBy: string | null
  readonly metadata: JsonObject | null
}
