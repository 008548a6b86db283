import type { FailedJob } from '../domain/dead-letter.ts'
import type { NewJob } from '../domain/job.ts'
import type { RetryPolicy } from '../domain/retry.ts'
import type { Gate } from '../ports/gate.ts'
import type { Clock } from '../ports/clock.ts'
import type { HandlerRegistry, ParseInput } from '../ports/handler.ts'
import type { JobLocks } from '../ports/job-locks.ts'
import type { LeaseKeeper } from '../ports/lease-keeper.ts'
import type { Log } from '../ports/log.ts'
import type { PublicationDirectory } from '../ports/outbound.ts'
import type { FailedEnding, Store } from '../ports/store.ts'
import type { WakeUps } from '../ports/wake-ups.ts'
import type { MakeId } from '../ports/clock.ts'

/** Workers of their own for some queues; the rest pool serves every queue that no other pool names. */
export interface PoolSettings {
  readonly name: string
  /** The one queue it serves; left out: every queue that no other pool serves. */
  readonly queue?: string | undefined
  /** Jobs that run at once. */
  readonly workers: number
  /** While it is closed nothing is claimed, and what has not begun is given back; left out: always open. */
  readonly gate?: Gate | undefined
}

/** What the workers of an instance are given. */
export interface WorkerSettings {
  /** The instance's id: who holds the leases. */
  readonly owner: string
  readonly pools: readonly PoolSettings[]
  /**
   * Queues that a pool here may serve; not those that are paused, or that `--queues` leaves out. The answer may
   * change at any time: who resumes a queue announces it as ready.
   */
  readonly serves: (queue: string) => boolean
  /** The longest sleep of a worker; wake-ups make the usual wait milliseconds. */
  readonly pollIntervalMs: number
  readonly leaseMs: number
  /** Attempts after the first, for jobs whose row and handler say nothing. */
  readonly maxRetries: number
  /** For jobs whose row and handler say nothing. */
  readonly timeoutMs: number
  readonly retry: RetryPolicy
  /** How long a handler that was told to stop may take until its slot is given to the next job. */
  readonly graceMs: number
  readonly historyPayloads: 'changed' | 'always' | 'never'
}

/** What is stored in the commit that fails a job for good. */
export type CopiesOf = (job: FailedJob, ending: FailedEnding) => readonly NewJob[]

/** What the parts of the worker share. */
export interface WorkerContext {
  readonly settings: WorkerSettings
  readonly store: Store
  readonly handlers: HandlerRegistry
  /** Where handlers may publish to. */
  readonly publications: PublicationDirectory
  readonly parseInput: ParseInput
  readonly wakeUps: WakeUps
  readonly leases: LeaseKeeper
  readonly locks: JobLocks
  readonly clock: Clock
  readonly makeId: MakeId
  /** Left out: nothing is. */
  readonly copiesOf?: CopiesOf | undefined
  /** Chance in [0, 1). */
  readonly random: () => number
  readonly log: Log
}
