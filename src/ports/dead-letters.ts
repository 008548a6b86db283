import type { Direction } from '../domain/job-type.ts'
import type { Job } from '../domain/job.ts'
import type { InputProblem } from './adapter.ts'

/** Which dead letters are meant; what is left out does not matter. */
export interface DeadLetterFilter {
  readonly handler?: string | undefined
  readonly protocol?: string | undefined
  /** The subscription's name, or its address. */
  readonly subscription?: string | undefined
  readonly deadReason?: string | undefined
  readonly tenantId?: string | undefined
  /** Made at this time or later. */
  readonly from?: Date | undefined
  /** Made before this time. */
  readonly to?: Date | undefined
}

/** A dead letter without its payload. */
export interface DeadLetter {
  readonly id: string
  /** Its place in the order of arrival: a cursor. */
  readonly seq: string
  readonly handler: string
  readonly protocol: string | null
  readonly direction: Direction
  readonly method: string | null
  readonly queue: string
  readonly subscription: string | null
  readonly deadReason: string
  /** At most 1,000 characters. */
  readonly error: string | null
  readonly tenantId: string | null
  readonly retryCount: number
  readonly createdAt: Date
  /** When its last execution ended, or it was stored as a dead letter. */
  readonly diedAt: Date
  /** Of its last execution; `null`: it never was a job, but a message that could not be stored as asked. */
  readonly startedAt: Date | null
}

/** Which dead letters to look for, and from where on. */
export interface DeadLetterRequest {
  readonly filter: DeadLetterFilter
  readonly order: 'latest' | 'oldest'
  /** Only those behind this place; `null`: from the first one in this order. */
  readonly after: string | null
  readonly limit: number
}

/** What the store says of dead letters. */
export interface DeadLetterStore {
  /**
   * Dead letters in the order of their arrival, or against it. Reads a bounded part of the table: `next` may be given though fewer than `limit` were
   * found; `null`: there are no more.
   */
  find(request: DeadLetterRequest): Promise<{
    readonly rows: readonly DeadLetter[]
    readonly next: string | null
    /** The last place of the whole table when it looked; `null`: the table is empty. */
    readonly last: string | null
  }>
  /** The ids of the jobs that have these inbox keys. Walks the index of inbox keys. */
  jobsByKey(keys: readonly string[]): Promise<ReadonlyMap<string, string>>
}

/** Why a dead letter was not replayed. */
export type ReplayRefusal =
  | 'job_not_found'
  | 'not_a_dead_letter'
  | 'already_replayed'
  | 'duplicate'
  | 'subscription_unknown'
  | 'body_not_kept'
  | 'filtered'
  | 'invalid'
  | 'not_storable'

/** What became of one replay. */
export type Replay =
  /** `jobs`: how many rows it became. */
  | { readonly outcome: 'replayed'; readonly jobId: string; readonly jobs: number }
  /** A trial: it would have been. */
  | { readonly outcome: 'replayable'; readonly jobs: number }
  | {
      readonly outcome: 'refused'
      readonly reason: ReplayRefusal
      /** For people. */
      readonly message: string
      /** The job that it is already. */
      readonly jobId?: string | undefined
      readonly problems?: readonly InputProblem[] | undefined
    }

/** How a dead letter is replayed. */
export interface ReplayOptions {
  /** Also what was replayed before, and what stands under its key already. */
  readonly force?: boolean | undefined
  /** Stores nothing. */
  readonly dryRun?: boolean | undefined
}

/** What many replays came to. */
export interface ReplayCounts {
  readonly tried: number
  /** With `dryRun`: what would be. */
  readonly replayed: number
  readonly alreadyReplayed: number
  readonly refused: number
  /** The first hundred that were refused. */
  readonly refusals: readonly {
    readonly id: string
    readonly reason: ReplayRefusal
    readonly message: string
  }[]
  /** Where to go on; `null`: nothing is left. */
  readonly next: string | null
}

/** Dead letters, and the way back for them. */
export interface DeadLetters {
  list(request: Omit<DeadLetterRequest, 'order'>): Promise<{
    readonly rows: readonly (DeadLetter & { readonly replayedAs: string | undefined })[]
    readonly next: string | null
  }>
  /** One with all that its row has; `undefined`: no such job, or it is no dead letter. */
  show(
    id: string,
  ): Promise<{ readonly job: Job; readonly replayedAs: string | undefined } | undefined>
  /**
   * Makes a new job of a dead letter, once: a message goes through its subscription as it is now, a job is made again.
   * @throws CrossdockError `database_*`, `mapping_unavailable`, `instance_stopping`
   */
  replay(id: string, options?: ReplayOptions): Promise<Replay>
  /**
   * Replays those that the filter lets through and that were not replayed before, at most `limit`, in the order of their
   * arrival, which keeps the order of each key. Those that die of it are not replayed again by the same call. Commits
   * step by step: what is done stays when a later step fails. `onStep` is told the counts so far.
   */
  replayAll(
    request: Omit<DeadLetterRequest, 'order'>,
    options?: ReplayOptions,
    onStep?: (counts: ReplayCounts) => void,
  ): Promise<ReplayCounts>
}
