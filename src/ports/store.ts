import type { Execution, Job, NewJob, Progress } from '../domain/job.ts'
import type { Headers } from '../domain/job.ts'
import type { JsonObject } from '../domain/json.ts'
import type { TurnKey } from '../domain/turn.ts'
import type { DeadWalk, DeadWalkStep } from './dead-walk.ts'
import type { DeadLetterStore } from './dead-letters.ts'
import type { InsertOutcome, InsertRequest } from './insert.ts'
import type { PacketStore, SlotStore } from './client-slots.ts'
import type { InstanceRequest, Registration } from './instances.ts'
import type { GivenTurns, LateTurns, TurnWalk } from './given-turns.ts'
import type { Rehearsal } from './rehearsal.ts'
import type { BacklogCounter } from './backlog.ts'
import type { ContentionStatistics } from './contention.ts'
import type { PauseStore } from './pauses.ts'
import type { RetentionStore } from './retention.ts'
import type { ScheduleBook } from './schedule-book.ts'
import type { ScheduleStore } from './schedule-store.ts'
import type { WakeUpChannel } from './wake-ups.ts'

export type { InsertOutcome, InsertRequest } from './insert.ts'

/** Names one execution of a job: `epoch` is the fencing token that the claim gave. */
export interface ExecutionKey {
  readonly jobId: string
  readonly epoch: number
}

/** Where a claim ended: the next one walks on from there. */
export interface ClaimPosition {
  readonly rank: number
  readonly seq: string
}

/** What to claim. */
export interface ClaimRequest {
  readonly queue: string
  /** At most this many jobs. */
  readonly limit: number
  /** Who claims: the instance. */
  readonly owner: string
  readonly leaseMs: number
  /** Only jobs behind this place in the queue's order; `null`: from the front. */
  readonly after: ClaimPosition | null
}

/** A job that this instance holds until its lease expires. */
export interface ClaimedJob extends ExecutionKey {
  readonly rank: number
  readonly seq: string
  readonly handler: string
  readonly queue: string
  readonly priority: number
  /** `undefined`: larger than {@link INLINE_PAYLOAD_BYTES}, read it when the job begins. */
  readonly payload: string | null | undefined
  readonly contentType: string | null
  readonly payloadEncoding: string | null
  readonly headers: Headers | null
  readonly metadata: JsonObject | null
  readonly method: string | null
  readonly protocol: string | null
  readonly retryCount: number
  readonly maxRetries: number | null
  readonly timeoutSeconds: number | null
  /** How often it was taken from a dead process since it last ended. */
  readonly recoveries: number
  readonly orderingKey: string | null
  readonly tenantId: string | null
  readonly createdBy: string | null
  readonly parentJobId: string | null
  readonly correlationId: string | null
  readonly traceparent: string | null
  readonly createdAt: Date
}

/** Larger payloads do not travel with a claim. */
export const INLINE_PAYLOAD_BYTES = 8192

/** How an execution ended. */
export type Ending =
  | { readonly kind: 'completed'; readonly result: string | null }
  | { readonly kind: 'failed'; readonly error: string; readonly deadReason: string }
  | {
      readonly kind: 'retry'
      readonly error: string
      readonly delayMs: number
      /** Retried jobs drop one priority, once. */
      readonly lowerPriority: boolean
    }
  | { readonly kind: 'snoozed'; readonly delayMs: number }
  | { readonly kind: 'cancelled'; readonly reason: string }
  /** Given back, uncounted; `delayMs` 0 is ready at once. */
  | {
      readonly kind: 'returned'
      readonly delayMs: number
      /** For `lasterror`: why nobody could run it. */
      readonly error?: string
    }

/** The one of a job that failed for good. */
export type FailedEnding = Extract<Ending, { readonly kind: 'failed' }>

/** The end of one execution, to be committed with its history row. */
export interface Settlement extends ExecutionKey {
  /** Of the job's row, as its claim gave it: a dialect may find the row sooner by it. */
  readonly seq?: string | undefined
  readonly ending: Ending
  /** From the begin to the end; `null`: it never began, and has no history row. */
  readonly durationMs: number | null
  readonly retryAttempt: number
  /** Instance and worker. */
  readonly executedBy: string
  /** The payload as this execution read it, where history keeps it. */
  readonly inputData?: string | undefined
  /** Stored in the same commit, where the execution is still the caller's. */
  readonly jobs?: readonly NewJob[] | undefined
  /** What a remote side answered. */
  readonly outputData?: string | undefined
}

/** Progress of one execution. */
export interface ProgressUpdate extends ExecutionKey {
  readonly progress: Progress
}

/** How a handler's transaction is opened. */
export interface TransactionOptions {
  /** What it does to rows is watched, for {@link HandlerTransaction.rehearse}; default false. */
  readonly watched?: boolean
}

/** A handler's transaction. Calls after the first error that lost the transaction throw. */
export interface HandlerTransaction {
  /** Whether anything was run in it. */
  readonly begun: boolean
  query(text: string, values: readonly unknown[]): Promise<readonly Record<string, unknown>[]>
  /** One statement in pieces, with the values that stand between them: bound, never pasted. */
  sql(
    pieces: readonly string[],
    values: readonly unknown[],
  ): Promise<readonly Record<string, unknown>[]>
  /** The driver's connection. */
  client(): Promise<unknown>
  /**
   * Inserts `jobs`, ends the execution and commits, all or nothing.
   * @throws CrossdockError `lease_lost` when the execution is no longer this worker's,
   *   `transaction_lost` when the handler's transaction is gone or broken, `database_*` otherwise.
   */
  commit(end: { readonly settlement: Settlement; readonly jobs: readonly NewJob[] }): Promise<void>
  /**
   * Does what {@link HandlerTransaction.commit} does, short of the COMMIT, and rolls back always. The
   * execution is not ended. Begins nothing where there is nothing to do.
   * @throws CrossdockError where the rollback could not be confirmed; the connection is broken then
   */
  rehearse(request: { readonly jobs: readonly NewJob[] }): Promise<Rehearsal>
  /** Undoes everything; may be called twice, and after a failed commit. Never throws. */
  rollback(): Promise<void>
  /** Breaks the connection at once, and ends on the server what still runs on it. Never throws. */
  abandon(): void
}

/** What a promotion did. */
export interface Promotion {
  /** Queues that have newly ready jobs. */
  readonly queues: readonly string[]
  readonly count: number
  /** Until the next waiting job is due, by the database's clock; `null`: none waits. */
  readonly nextDueInMs: number | null
  /** Lanes in which a job is due that waits for its turn now. */
  readonly turns: readonly TurnKey[]
}

/** A job whose holder let its lease expire. */
export interface ExpiredJob extends ExecutionKey {
  readonly handler: string
  readonly protocol: string | null
  readonly method: string | null
  readonly queue: string
  /** Whether its begin was written: only then was it an attempt. */
  readonly begun: boolean
  readonly retryCount: number
  readonly maxRetries: number | null
  readonly recoveries: number
  readonly lockedBy: string | null
  /** Then it ends as cancelled, and nothing else. */
  readonly cancelRequested: boolean
}

/** What to recover, and how each job goes on. */
export interface RecoveryRequest {
  /** At most this many jobs. */
  readonly limit: number
  /** Written into the history row of an execution that had begun and has no known holder. */
  readonly executedBy: string
  /** Says how an execution that died is ended; `undefined` leaves it alone. */
  readonly decide: (job: ExpiredJob) => Ending | undefined
  /** What is stored in the commit that fails a job for good. Left out: nothing. */
  readonly beside?: ((job: Job, ending: FailedEnding) => readonly NewJob[]) | undefined
}

/** Numbers for `/status`. */
export interface QueueDepth {
  readonly queue: string
  readonly pending: number
  readonly processing: number
  /** Due, and waiting for the turn of their ordering key. */
  readonly queued: number
  readonly waiting: number
}

/**
 * The database, as operations of the domain. One implementation a dialect; one conformance suite
 * (test/conformance/store) runs on every one. Every method may be called at any time and at once;
 * each that is one statement is one commit.
 * What the server breaks off for a deadlock or a serialization failure is made again inside.
 * @throws CrossdockError from every method: `database_unavailable`, `database_retryable` (broken off
 *   again and again), `database_locked` (somebody holds a row or a key for longer than a statement waits),
 *   `database_data`, `database_constraint`, `database_error`, `payload_too_large`.
 */
export interface Store extends WakeUpChannel, BacklogCounter, SlotStore, PacketStore {
  readonly dialect: 'postgresql' | 'mysql'
  readonly deadLetters: DeadLetterStore
  /** The rows of `jobs`. */
  readonly schedules: ScheduleStore
  /** What people have paused and resumed. */
  readonly pauses: PauseStore
  /** The same rows, as people see and change them. */
  readonly scheduleBook: ScheduleBook
  /** Clean-up, in small steps. */
  readonly retention: RetentionStore
  /**
   * Inserts jobs in one statement and says of each, in order, what became of it, after COMMIT.
   * A `dedupekey` or `uniquekey` that is taken makes a `duplicate`; an id that is taken is an error
   * (`database_constraint`) unless `again` is set.
   */
  insertJobs(request: InsertRequest): Promise<readonly InsertOutcome[]>
  /** Takes ready jobs in order, each with a lease and an epoch one higher. */
  claim(request: ClaimRequest): Promise<readonly ClaimedJob[]>
  /** The queues that have ready jobs, at most 10,000. */
  readyQueues(): Promise<readonly string[]>
  /** The payload of a claimed job, where the claim left it out. */
  readPayload(key: ExecutionKey): Promise<string | null>
  /** Writes that these executions began. Returns those that are still the caller's. */
  begin(keys: readonly ExecutionKey[]): Promise<readonly ExecutionKey[]>
  /**
   * Ends executions, each with its history row and its jobs, in one commit. Returns the keys of those that were
   * still the caller's: the others had lost their lease, and nothing was written for them.
   */
  settle(settlements: readonly Settlement[]): Promise<readonly ExecutionKey[]>
  /** Of these executions, those whose end has been committed: asked when an answer was lost. */
  settled(keys: readonly ExecutionKey[]): Promise<readonly ExecutionKey[]>
  /** A transaction for a handler, on a pool of its own; begun on the server at its first statement. */
  openTransaction(options?: TransactionOptions): HandlerTransaction
  /** Writes progress; rows locked by somebody, and executions that were lost, are passed over. */
  updateProgress(updates: readonly ProgressUpdate[]): Promise<void>
  /**
   * Makes due Scheduled and Retrying jobs Pending, at most `limit`. A Scheduled one with an ordering key
   * becomes Queued; a Retrying one has kept its turn.
   */
  promoteDue(request: { readonly limit: number }): Promise<Promotion>
  /**
   * Makes the head of each of these lanes Pending, where nobody has its turn and the head is Queued. A lane's
   * head is its lowest seq among those Queued and Scheduled. A head that somebody has locked keeps its place.
   */
  giveTurns(keys: readonly TurnKey[]): Promise<GivenTurns>
  /** The same for every lane, step by step: `limit` says how much of the index a step reads. */
  walkTurns(request: { readonly after: string | null; readonly limit: number }): Promise<TurnWalk>
  /**
   * The same for the lanes of those who came since the last look, and a little before it. With `null` it only
   * says where to begin.
   */
  lateTurns(request: { readonly since: string | null; readonly limit: number }): Promise<LateTurns>
  /** Prolongs leases. Returns those that are still the caller's. */
  renew(request: {
    readonly keys: readonly ExecutionKey[]
    readonly leaseMs: number
  }): Promise<readonly ExecutionKey[]>
  /** Of these executions, those that are still the caller's: also where somebody has their rows locked. */
  stillHeld(keys: readonly ExecutionKey[]): Promise<readonly ExecutionKey[]>
  /** Takes jobs back from holders whose lease expired. Rows locked by somebody are passed over. */
  recoverExpired(request: RecoveryRequest): Promise<readonly ExpiredJob[]>
  /**
   * Says that an instance lives. Its id is taken where nobody has it, where this process has it already,
   * and where its holder has said nothing for as long as it promised.
   */
  registerInstance(request: InstanceRequest): Promise<Registration>
  /** Frees an id that this process has. Does nothing where another one has it. */
  unregisterInstance(request: Pick<InstanceRequest, 'id' | 'token'>): Promise<void>
  findJob(id: string): Promise<Job | undefined>
  /** One step along the dead letters, newest first: it reads a bounded part of the table. */
  walkDead(walk: DeadWalk): Promise<DeadWalkStep>
  /** The executions of a job, oldest first, at most 1,000; `undefined`: no such job. */
  listExecutions(jobId: string): Promise<readonly Execution[] | undefined>
  queueDepths(): Promise<readonly QueueDepth[]>
  /** Handlers named by unfinished jobs and not in `known`, at most 100. */
  missingHandlers(known: readonly string[]): Promise<readonly string[]>
  /** Addresses of publications named by unfinished outbound jobs and not in `known`, at most 100. */
  missingPublications(known: readonly string[]): Promise<readonly string[]>
  /** Asks the database something small. Returns its version, and how long it took in milliseconds. */
  ping(): Promise<{ readonly version: string; readonly latencyMs: number }>
  /** What this store's statements met so far. Asks nobody, and never throws. */
  statistics(): ContentionStatistics
  /** Ends every connection; open handler transactions are broken. May be called twice. */
  close(): Promise<void>
}
