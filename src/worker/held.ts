import { CrossdockError } from '../domain/errors.ts'
import type { Lease } from '../ports/lease-keeper.ts'
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
  readonly lease: Lease
  /** Whether another process has its lock: it must not begin here. */
  lockLost: boolean
}

/** What the holder of jobs is told. */
export interface HeldEvents {
  /** Leases could not be renewed. */
  readonly onTrouble: () => void
  /** Another live process has this instance's id. */
  readonly onReplaced: () => void
}

/** Every job that this instance holds. Their leases are renewed by {@link WorkerContext.leases}. */
export interface HeldJobs {
  /** Jobs of one claim, in order. @param ageMs since the claim was sent */
  addAll(queue: string, jobs: readonly ClaimedJob[], ageMs: number): readonly HeldJob[]
  /** Holds it no more: its end is committed, or it was lost. May be called twice. */
  remove(held: HeldJob): void
  /** Whether an execution is held, or its end waits to be stored. */
  hasKey(key: ExecutionKey): boolean
  /** Whether this very execution is still held: not given back, not lost. */
  has(held: HeldJob): boolean
  all(): Iterable<HeldJob>
  size(): number
  start(): void
  stop(): Promise<void>
}

/** A job that is lost has its handler told; whatever it does can no longer commit. */
export function createHeldJobs(context: WorkerContext, events: HeldEvents): HeldJobs {
  const { leases, locks, clock, log } = context
  const held = new Map<string, HeldJob>()

  function hold(job: ClaimedJob, lease: Lease): HeldJob {
    const entry: HeldJob = {
      job,
      abort: undefined,
      since: clock.monotonicMs(),
      lease,
      lockLost: false,
    }
    const former = held.get(job.jobId)
    // The job was taken from us and came back before a renewal noticed.
    if (former !== undefined) lose(former)
    held.set(job.jobId, entry)
    return entry
  }

  function find({ jobId, epoch }: ExecutionKey): HeldJob | undefined {
    const entry = held.get(jobId)
    return entry?.job.epoch === epoch ? entry : undefined
  }

  function remove(entry: HeldJob): void {
    if (held.get(entry.job.jobId) === entry) held.delete(entry.job.jobId)
    entry.lease.end()
    locks.release([entry.job])
  }

  function lose(entry: HeldJob): void {
    remove(entry)
    log.warn(
      { job: entry.job.jobId, epoch: entry.job.epoch },
      'a lease was lost: the job runs elsewhere',
    )
    entry.abort?.abort(
      new CrossdockError(
        'lease_lost',
        'this execution has lost its lease; another one may be running',
      ),
    )
  }

  function loseLock(entry: HeldJob): void {
    entry.lockLost = true
    log.warn({ job: entry.job.jobId }, 'another process has taken the lock of a job')
    entry.abort?.abort(
      new CrossdockError(
        'lock_lost',
        'another process has taken the lock of this job, and may be running it',
      ),
    )
  }

  function forEachHeld(keys: readonly ExecutionKey[], tell: (entry: HeldJob) => void): void {
    for (const key of keys) {
      const entry = find(key)
      if (entry !== undefined) tell(entry)
    }
  }

  return {
    addAll: (queue, jobs, ageMs) => {
      const keys = jobs.map(({ jobId, epoch }) => ({ jobId, epoch }))
      const taken = leases.hold({ queue, keys, ageMs })
      return jobs.flatMap((job, index) => {
        const lease = taken[index]
        return lease === undefined ? [] : [hold(job, lease)]
      })
    },
    remove,
    hasKey: (key) => find(key) !== undefined,
    has: (entry) => held.get(entry.job.jobId) === entry,
    all: () => held.values(),
    size: () => held.size,
    start: () => {
      locks.onLost((keys) => {
        forEachHeld(keys, loseLock)
      })
      leases.start({
        ...events,
        onLost: (keys) => {
          forEachHeld(keys, lose)
        },
      })
    },
    stop: () => leases.stop(),
  }
}
