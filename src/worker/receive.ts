import type { ClaimedJob } from '../ports/store.ts'
import type { GiveBack } from './give-back.ts'
import type { HeldJob, HeldJobs } from './held.ts'
import type { WorkerContext } from './settings.ts'

/** What a claim brought. */
export interface Claimed {
  readonly queue: string
  readonly jobs: readonly ClaimedJob[]
  /** When the claim was sent, by the monotonic clock. */
  readonly sentAt: number
}

/** A job whose lock another process has comes again after so long, in milliseconds. */
export const LOCKED_MS = 1_000

/**
 * Holds the jobs of a claim, and takes their locks. Returns those that may begin here; what another
 * process has the lock of goes back.
 */
export function createReceive(
  { store, locks, clock, random, settings }: WorkerContext,
  held: HeldJobs,
  giveBack: GiveBack,
): (claimed: Claimed) => Promise<readonly HeldJob[]> {
  /** Where the answer of a claim was read so late that its leases may have ended: those that have not. */
  async function confirmed({ jobs, sentAt }: Claimed): Promise<readonly ClaimedJob[]> {
    if (clock.monotonicMs() - sentAt < settings.leaseMs / 2) return jobs
    const kept = await store.renew({ keys: jobs, leaseMs: settings.leaseMs })
    const ids = new Set(kept.map(({ jobId }) => jobId))
    return jobs.filter(({ jobId }) => ids.has(jobId))
  }

  return async (claimed) => {
    const jobs = claimed.jobs.length === 0 ? [] : await confirmed(claimed)
    if (jobs.length === 0) return []
    const mine = held.addAll(claimed.queue, jobs, clock.monotonicMs() - claimed.sentAt)
    const taken = await locks.take(jobs)
    const locked = new Set(taken.map(({ jobId }) => jobId))
    return mine.filter((each) => {
      // Lost while its lock was taken, which has been released before it was there.
      if (!held.has(each)) locks.release([each.job])
      else if (locked.has(each.job.jobId)) return true
      else giveBack([each], LOCKED_MS * (1 + random()))
      return false
    })
  }
}
