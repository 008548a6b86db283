import { CrossdockError, isCrossdockError } from '../domain/errors.ts'
import type { Ending, ExecutionKey, ExpiredJob } from '../ports/store.ts'
import type { Timer } from '../ports/clock.ts'
import { endingOfError } from './ending.ts'
import type { WorkerContext } from './settings.ts'

/** Takes over the jobs of instances that died. */
export interface Recovery {
  start(): void
  stop(): void
  /** The database could not be asked for something: the wait begins anew. */
  interrupted(): void
}

/** Rows of one transaction. */
const LIMIT = 200

/**
 * Looks for expired leases three times a lease, and only after a whole lease in which this instance has
 * always found the database: after an outage every lease is expired while its holder lives.
 */
export function createRecovery(
  context: WorkerContext,
  isHeldHere: (key: ExecutionKey) => boolean,
): Recovery {
  const { settings, store, handlers, wakeUps, clock, random, log, copiesOf } = context
  const everyMs = settings.leaseMs / 3
  let timer: Timer | undefined
  let stopped = true
  /** Since when the database has answered every look. */
  let unbrokenSince = 0

  async function look(dueAt: number): Promise<void> {
    // Whoever stood still himself for so long has not renewed his own leases: he would take his own jobs.
    const now = clock.monotonicMs()
    if (now - dueAt > everyMs) unbrokenSince = now
    try {
      if (clock.monotonicMs() - unbrokenSince < settings.leaseMs) {
        await store.ping()
      } else {
        for (let more = true; more && !stopped;) more = await recover()
      }
    } catch (error) {
      interrupted()
      if (isCrossdockError(error, 'database_unavailable', 'database_locked')) {
        log.debug({ err: error }, 'expired leases could not be looked for')
      } else {
        log.warn({ err: error }, 'expired leases could not be looked for')
      }
    }
    if (!stopped) lookLater()
  }

  /** Whatever kept us from the rows kept their holders from renewing as well. */
  function interrupted(): void {
    unbrokenSince = clock.monotonicMs()
  }

  function lookLater(): void {
    const dueAt = clock.monotonicMs() + everyMs
    timer = clock.after(everyMs, () => void look(dueAt))
  }

  async function recover(): Promise<boolean> {
    const jobs = await store.recoverExpired({
      limit: LIMIT,
      executedBy: settings.owner,
      decide,
      beside: copiesOf,
    })
    if (jobs.length === 0) return false
    log.warn(
      { jobs: jobs.length, begun: jobs.filter((job) => job.begun).length, holders: holders(jobs) },
      'jobs of instances that died are taken over',
    )
    wakeUps.ready([...new Set(jobs.map((job) => job.queue))])
    wakeUps.waiting()
    // Also of those whose ends were committed by a process that died before it gave their turns on.
    wakeUps.turns(null)
    return jobs.length === LIMIT
  }

  /** Only an execution that had begun was an attempt. */
  function decide(job: ExpiredJob): Ending | undefined {
    // Ours, and alive: its row was locked whenever we renewed, or its end waits for that lock.
    if (isHeldHere(job)) return undefined
    if (job.cancelRequested) return { kind: 'cancelled', reason: 'its cancellation was requested' }
    if (!job.begun) return { kind: 'returned', delayMs: 0 }
    const error = new CrossdockError(
      'handler_crashed',
      `the process that ran it died or hung (${job.lockedBy ?? 'unknown'})`,
    )
    const handler = handlers.handlerOf(job)
    return endingOfError({ error, job, handler, settings, random })
  }

  return {
    interrupted,
    start: () => {
      stopped = false
      unbrokenSince = clock.monotonicMs()
      lookLater()
    },
    stop: () => {
      stopped = true
      timer?.cancel()
    },
  }
}

function holders(jobs: readonly ExpiredJob[]): readonly string[] {
  return [...new Set(jobs.map((job) => job.lockedBy ?? 'unknown'))].slice(0, 10)
}
