import type { z } from 'zod'
import type { Cancel, Snooze } from '../domain/outcome.ts'
import type { Headers } from '../domain/job.ts'
import type { JsonObject } from '../domain/json.ts'
import type { InputProblem } from './adapter.ts'
import type { Log } from './log.ts'

/** The job's own transaction, begun at its first use; completion and history commit with it. */
export interface Transaction {
  /** Runs one statement whose `${values}` are bound, never pasted, and returns its rows. */
  sql<Row = Record<string, unknown>>(
    text: TemplateStringsArray,
    ...values: unknown[]
  ): Promise<Row[]>
  /** Runs one statement with the driver's own placeholders (`$1` on PostgreSQL) and returns its rows. */
  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<Row[]>
  /** The driver's own connection, inside the transaction, for query builders and ORMs. */
  client(): Promise<unknown>
}

/** A job to make from inside a handler. */
export interface EnqueueOptions {
  readonly queue?: string
  readonly priority?: number
  readonly maxRetries?: number
  /** In milliseconds; rounded up to whole seconds. */
  readonly timeoutMs?: number
  readonly name?: string
  readonly description?: string
  /** Not before this time. */
  readonly scheduledAt?: Date
  /** Not before this many milliseconds from the commit. */
  readonly delayMs?: number
  /** No two waiting jobs share it: a second one is not made. */
  readonly uniqueKey?: string
  /** Jobs of one tenant that share it run one at a time, in the order of their arrival. */
  readonly orderingKey?: string
  readonly tenantId?: string
  readonly createdBy?: string
  readonly correlationId?: string
  readonly metadata?: JsonObject
}

/** A message to publish from inside a handler. */
export interface PublishMessage {
  /**
   * Bytes go out as they are; with a `contentType` that is not JSON a string does as well; anything else is
   * JSON. Left out: a message without a body.
   */
  readonly payload?: unknown
  /** The broker's message key. Messages of one key to one publication keep their order. */
  readonly key?: string
  /** Names and values without line breaks; bytes as `{ base64 }`. */
  readonly headers?: Headers
  readonly contentType?: string
  /** Instead of the key: messages of one tenant that share it go out one at a time; `null`: no order. */
  readonly orderingKey?: string | null
  readonly priority?: number
  /** Not before this many milliseconds from the commit. */
  readonly delayMs?: number
  /** Not before this time. */
  readonly scheduledAt?: Date
  /** Attempts after the first. Left out: the publication's, else `jobs.max_retries`. */
  readonly maxRetries?: number
  readonly tenantId?: string
  readonly correlationId?: string
  readonly metadata?: JsonObject
}

/** What a handler may know of the job that it runs. */
export interface HandlerJob {
  readonly id: string
  readonly handler: string
  readonly queue: string
  readonly priority: number
  /** 1 for the first attempt. */
  readonly attempt: number
  readonly maxRetries: number
  readonly method: string | null
  readonly protocol: string | null
  readonly headers: Headers
  readonly metadata: JsonObject
  readonly contentType: string | null
  readonly tenantId: string | null
  readonly createdBy: string | null
  readonly parentJobId: string | null
  readonly correlationId: string | null
  readonly traceparent: string | null
  readonly createdAt: Date
}

/** What a handler is given. */
export interface HandlerContext<Input> {
  /** The payload: parsed, and checked when the handler declares `input`; bytes when it is binary. */
  readonly input: Input
  readonly job: HandlerJob
  readonly tx: Transaction
  // Properties, not methods: handlers take them apart, `run({ enqueue, progress })`.
  /** Makes a job that commits with this one's completion. Returns its id. */
  readonly enqueue: (
    handler: string,
    payload?: unknown,
    options?: EnqueueOptions,
  ) => Promise<{ readonly id: string }>
  /**
   * Sends a message to a publication, named as `protocol:name`. It commits with this job's completion, and
   * goes out after that. Returns its id, which the far side sees as its `idempotency-key`.
   * @throws CrossdockError `publication_unknown`, `message_invalid`
   */
  readonly publish: (address: string, message?: PublishMessage) => Promise<{ readonly id: string }>
  /** Says how far the job is; seen at once, outside the transaction. */
  readonly progress: (current: number, total: number, message?: string) => Promise<void>
  /** Aborts on time-out, lost lease and shutdown; its `reason` is a `CrossdockError`. */
  readonly signal: AbortSignal
  readonly log: Log
}

/** What a handler may return: a JSON value (the job's result), nothing, or an outcome. */
export type HandlerReturn = Snooze | Cancel | undefined | null | boolean | number | string | object

/** A schedule that is declared beside its handler. `cron` or `everySeconds` is needed, the rest may be left out. */
export interface HandlerSchedule {
  /** Default: the name of the handler. */
  readonly name?: string
  readonly description?: string
  readonly cron?: string
  readonly everySeconds?: number
  /** An IANA name; default UTC. */
  readonly timezone?: string
  /** What its jobs are given; texts in it may hold `{{ jsonata }}`. */
  readonly payload?: unknown
  /** SQL that must hold for a tick to fire. */
  readonly condition?: string
  readonly misfire?: 'fire_once' | 'skip' | 'fire_all'
  readonly overlap?: 'allow' | 'skip' | 'queue'
  readonly jitterSeconds?: number
  readonly enabled?: boolean
  readonly startAt?: Date
  readonly endAt?: Date
  readonly maxExecutions?: number
  readonly tenantId?: string
}

/** A handler, as `defineHandler` checked it. */
export interface Handler<Input = unknown> {
  readonly name: string
  readonly input?: z.ZodType<Input> | undefined
  /** Attempts after the first; the row and the subscription come before it. */
  readonly maxRetries?: number | undefined
  /** Milliseconds before retry number `retry` (0 for the first), or a number for every retry. */
  readonly retryDelay?: number | ((retry: number, error: unknown) => number) | undefined
  readonly timeoutMs?: number | undefined
  /** The queue of jobs that name none. */
  readonly queue?: string | undefined
  /** The priority of jobs that name none. */
  readonly priority?: number | undefined
  /** `none` forbids `tx`; default `handler`. */
  readonly transaction?: 'handler' | 'none' | undefined
  /** What `input` is: `stored` for a {@link StoredPayload}, unread. Of the program's own handlers alone. */
  readonly takes?: 'stored' | undefined
  /** Makes its own jobs: written into `jobs` at start, and changed there as people like. */
  readonly schedule?: HandlerSchedule | undefined
  run(context: HandlerContext<Input>): HandlerReturn | Promise<HandlerReturn> | Promise<void> | void
}

/** What a job says of who runs it. */
export interface HandledJob {
  readonly handler: string
  readonly protocol: string | null
  readonly method: string | null
}

/** The handlers that this instance has. */
export interface HandlerRegistry {
  get(name: string): Handler | undefined
  /** The handler of a job: the one that it names; of an outbound row that of its publication. */
  handlerOf(job: HandledJob): Handler | undefined
  names(): readonly string[]
}

/** A payload as its row has it. */
export interface StoredPayload {
  readonly payload: string | null
  readonly contentType: string | null
  readonly payloadEncoding: string | null
}

/** The input that a handler is given, or everything that is wrong with it. */
export type ParsedInput =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problems: readonly InputProblem[] }

/** Decodes a stored payload and checks it against the handler's `input`. Never rejects. */
export type ParseInput = (
  handler: Pick<Handler, 'input'>,
  stored: StoredPayload,
) => Promise<ParsedInput>
