import type { Job } from '../domain/job.ts'
import type { StatusWord } from '../domain/status.ts'
import type { Clock } from '../ports/clock.ts'
import type { JobWaits, WaitOutcome } from '../ports/job-waits.ts'
import type { Store } from '../ports/store.ts'
import { jobJson } from './job-json.ts'
import { createLimited } from './limited.ts'
import { createOver, type Over } from './over.ts'

/** What {@link createJobWaits} needs. */
export interface JobWaitsOptions {
  readonly store: Pick<Store, 'findJob'>
  readonly clock: Clock
  /** How many may wait at once; further ones are told at once that the job has not ended. Default 200. */
  readonly maxWaits?: number
}

const MAX_WAITS = 200
/** Others need the connections as well: so many look-ups are under way at once. */
const MAX_LOOKS = 4
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1_000
const GROWTH = 1.5
/** A pause is at least so many times what the look before it took: large rows are looked at less often. */
const PAUSE_FOR_LOOK = 10
/** The last look is so long before the limit, in order to be back in time. */
const LAST_LOOK_MS = 100

const ENDED: readonly StatusWord[] = ['completed', 'failed', 'cancelled']

/** Waits that can all be ended at once. */
export interface StoppableJobWaits extends JobWaits {
  /** Ends every wait, now and from now on. May be called twice. */
  stop(): void
}

/**
 * Waits for jobs by looking at their rows, ever less often: 50 ms to 1 s. The row alone knows, for the
 * job may run in any process.
 */
export function createJobWaits({
  store,
  clock,
  maxWaits = MAX_WAITS,
}: JobWaitsOptions): StoppableJobWaits {
  const stopping = new AbortController()
  const limited = createLimited(MAX_LOOKS)
  let waiting = 0

  /** `unknown`: the database did not say. */
  async function look(jobId: string, over: Over): Promise<Job | 'unknown' | undefined> {
    const found = limited(async () => (over.isOver() ? 'unknown' : await store.findJob(jobId)))
    return await over.race(
      found.catch(() => 'unknown' as const),
      'unknown',
    )
  }

  async function watch(jobId: string, limitMs: number, over: Over): Promise<WaitOutcome> {
    const lastLook = clock.monotonicMs() + limitMs - LAST_LOOK_MS
    let pauseMs = FIRST_PAUSE_MS
    let status: StatusWord | undefined
    for (;;) {
      const untilLast = Math.max(lastLook - clock.monotonicMs(), 0)
      const isLast = pauseMs >= untilLast
      await over.pause(isLast ? untilLast : pauseMs)
      const began = clock.monotonicMs()
      const job = await look(jobId, over)
      if (job === undefined) return { ended: false, status }
      if (job !== 'unknown') {
        if (ENDED.includes(job.status)) return { ended: true, job: jobJson(job) }
        status = job.status
      }
      if (isLast || over.isOver()) return { ended: false, status }
      const tookMs = clock.monotonicMs() - began
      pauseMs = Math.max(Math.min(pauseMs * GROWTH, LONGEST_PAUSE_MS), tookMs * PAUSE_FOR_LOOK)
    }
  }

  return {
    untilEnded: async (jobId, { limitMs, signal }) => {
      const isRefused = waiting >= maxWaits || stopping.signal.aborted || signal.aborted
      if (isRefused) return { ended: false, status: undefined }
      waiting += 1
      const over = createOver(clock, [signal, stopping.signal])
      const limit = clock.after(limitMs, () => {
        over.end()
      })
      try {
        return await watch(jobId, limitMs, over)
      } finally {
        limit.cancel()
        over.end()
        waiting -= 1
      }
    },
    stop: () => {
      stopping.abort()
    },
  }
}
