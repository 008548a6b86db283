import { CrossdockError } from '../domain/errors.ts'
import type { ClaimedJob, ExecutionKey } from '../ports/store.ts'
import type { WorkerContext } from './settings.ts'

/** A job that this instance holds: claimed, running, or with its end under way. */
export interface HeldJob {
  /** Made anew once its large payload was read. */
  job: ClaimedJob
  /** Set while its handler runs. */
  abort: AbortController | undefined
  /** Since when it is held, by the monotonic clock. */
  readonly since: number
  /** How many renewals in a row did not find it. */
  missed: number
}

/** Every job that this instance holds, and the renewal of their leases. */
export interface HeldJobs {
  add(job: ClaimedJob): HeldJob
  remove(held: HeldJob): void
  /** Whether an execution is held, or its end waits to be stored. */
  hasKey(key: ExecutionKey): boolean
  /** Whether this very execution is still held: not given back, not lost. */
  has(held: HeldJob): boolean
  all(): Iterable<HeldJob>
  size(): number
  start(): void
  stop(): void
}

/**
 * Renews the leases of everything held for longer than a quarter of a lease, three times a lease, and
 * calls `onTrouble` when it could not. A job that two renewals in a row do not find is lost: its handler is told, and whatever it does can no longer commit.
 */
export function createHeldJobs(context: WorkerContext, onTrouble: () => void): HeldJobs {
  const { settings, store, clock, log } = context
  const held = new Map<string, HeldJob>()
  let timer: { cancel(): void } | undefined
  let stopped = false

  async function renew(): Promise<void> {
    const now = clock.monotonicMs()
    const due = [...held.values()].filter((each) => now - each.since > settings.leaseMs / 4)
    if (due.length > 0) {
      try {
        const keys = due.map((each) => each.job)
        const kept = await store.renew({ keys, leaseMs: settings.leaseMs })
        await notice(due, kept)
      } catch (error) {
        onTrouble()
        // While the database is away nobody else takes them: an instance that found it again waits for
        // a whole lease before it recovers anything.
        log.warn({ err: error, jobs: due.length }, 'leases could not be renewed')
      }
    }
    schedule()
  }

  async function notice(due: readonly HeldJob[], kept: readonly ExecutionKey[]): Promise<void> {
    const found = new Set(kept.map((key) => key.jobId))
    const missing = due.filter((each) => !found.has(each.job.jobId)).map((each) => each.job)
    // A row that somebody has locked was passed over, also one that its own handler has updated: it is
    // ours all the same, and nobody else can take it.
    for (const key of missing.length > 0 ? await store.stillHeld(missing) : []) found.add(key.jobId)
    for (const each of due) {
      each.missed = found.has(each.job.jobId) ? 0 : each.missed + 1
      if (each.missed < 2 || held.get(each.job.jobId) !== each) continue
      held.delete(each.job.jobId)
      lose(each)
    }
  }

  function lose(each: HeldJob): void {
    log.warn(
      { job: each.job.jobId, epoch: each.job.epoch },
      'a lease was lost: the job runs elsewhere',
    )
    each.abort?.abort(
      new CrossdockError(
        'lease_lost',
        'this execution has lost its lease; another one may be running',
      ),
    )
  }

  function schedule(): void {
    if (!stopped) timer = clock.after(settings.leaseMs / 3, () => void renew())
  }

  return {
    add: (job) => {
      const entry: HeldJob = { job, abort: undefined, since: clock.monotonicMs(), missed: 0 }
      const former = held.get(job.jobId)
      held.set(job.jobId, entry)
      // The job was taken from us and came back before a renewal noticed.
      if (former !== undefined) lose(former)
      return entry
    },
    remove: (entry) => {
      if (held.get(entry.job.jobId) === entry) held.delete(entry.job.jobId)
    },
    hasKey: ({ jobId, epoch }) => held.get(jobId)?.job.epoch === epoch,
    has: (entry) => held.get(entry.job.jobId) === entry,
    all: () => held.values(),
    size: () => held.size,
    start: schedule,
    stop: () => {
      stopped = true
      timer?.cancel()
    },
  }
}
