import { isCrossdockError } from '../domain/errors.ts'
import { turnOf } from '../domain/turn.ts'
import type { Handler } from '../ports/handler.ts'
import type { ClaimedJob, Ending, Settlement } from '../ports/store.ts'
import type { Completions } from './completions.ts'
import { madeJobs, type Effects } from './effects.ts'
import { endingOfError } from './ending.ts'
import type { HeldJob, HeldJobs } from './held.ts'
import type { WorkerContext } from './settings.ts'

/** An execution whose handler has ended. */
export interface EndedExecution {
  readonly held: HeldJob
  readonly handler: Handler
  readonly settled: Settlement
  readonly effects: Effects
  /** Whether the handler was told to stop. */
  readonly aborted: boolean
}

/** Ends executions: commits what handlers did, or undoes it. */
export interface Conclusions {
  /** Resolves with the COMMIT for a handler that left something to commit with its end. */
  conclude(execution: EndedExecution): Promise<void>
  /** The end of an execution that has nothing but its end to commit: with the next group. */
  end(held: HeldJob, settled: Settlement): void
}

/** Everything that a handler did commits with the end of its execution, or not at all. */
export function createConclusions(
  context: WorkerContext,
  parts: { readonly held: HeldJobs; readonly completions: Completions },
): Conclusions {
  const { settings, store, wakeUps, clock, random, log } = context
  const { held: allHeld, completions } = parts

  async function conclude(execution: EndedExecution): Promise<void> {
    const { held, settled, effects, aborted } = execution
    const { ending } = settled
    const failed = ending.kind === 'failed' || ending.kind === 'retry' || ending.kind === 'returned'
    if (failed) {
      if (aborted) effects.transaction?.abandon()
      else await effects.transaction?.rollback()
      logFailure(held.job, ending)
    } else if (effects.transaction?.begun === true || madeJobs(effects).length > 0) {
      await commit(execution)
      return
    }
    end(held, settled)
  }

  /** Everything the handler did and the end of its execution, in one commit. */
  async function commit({ held, handler, settled, effects }: EndedExecution): Promise<void> {
    const transaction = effects.transaction ?? store.openTransaction()
    try {
      await transaction.commit({ settlement: settled, jobs: madeJobs(effects) })
      allHeld.remove(held)
      wakeUps.turns(turnOf(held.job))
      announceChildren(effects)
      if ('delayMs' in settled.ending) wakeUps.waiting()
    } catch (error) {
      await transaction.rollback()
      if (isCrossdockError(error, 'lease_lost')) {
        log.warn(
          { job: held.job.jobId, epoch: held.job.epoch },
          'an execution ended after it lost its lease',
        )
        allHeld.remove(held)
      } else if (
        isCrossdockError(error, 'database_unavailable') &&
        (await wasCommitted(held.job))
      ) {
        allHeld.remove(held)
        wakeUps.turns(turnOf(held.job))
        announceChildren(effects)
      } else {
        const ending = endingOfError({ error, job: held.job, handler, settings, random })
        logFailure(held.job, ending)
        end(held, { ...settled, ending })
      }
    }
  }

  /**
   * Whether an execution whose COMMIT got no answer has its history row. Asked until the database is
   * back: assuming either way would lose the effect or double it.
   */
  async function wasCommitted(job: ClaimedJob): Promise<boolean> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return (await store.settled([job])).length > 0
      } catch (error) {
        if (!isCrossdockError(error, 'database_unavailable', 'database_retryable')) {
          throw error
        }
        await new Promise<void>((resolve) =>
          clock.after(Math.min(20 * 2 ** attempt, 1_000), resolve),
        )
      }
    }
  }

  function announceChildren(effects: Effects): void {
    const jobs = madeJobs(effects)
    // All of them: what was scheduled for a time that has passed is ready at once.
    const ready = jobs.filter((job) => job.orderingKey === undefined)
    if (ready.length > 0) wakeUps.ready([...new Set(ready.map((job) => job.queue ?? 'default'))])
    wakeUps.turns(jobs.flatMap(turnOf))
    if (jobs.some((job) => job.delayMs !== undefined || job.scheduledAt !== undefined)) {
      wakeUps.waiting()
    }
  }

  function end(held: HeldJob, settled: Settlement): void {
    const ended = (): void => {
      allHeld.remove(held)
      wakeUps.turns(turnOf(held.job))
      // Ready again at once, for whoever is free: perhaps another instance.
      if (settled.ending.kind === 'returned' && settled.ending.delayMs === 0) {
        wakeUps.ready([held.job.queue])
      }
    }
    completions.add(settled, ended, held.job)
  }

  function logFailure(job: ClaimedJob, ending: Ending): void {
    const fields = { job: job.jobId, handler: job.handler, attempt: job.retryCount + 1 }
    if (ending.kind === 'failed') {
      log.warn(
        { ...fields, reason: ending.deadReason, error: ending.error },
        'a job failed for good',
      )
    } else if (ending.kind === 'retry') {
      log.info(
        { ...fields, error: ending.error, retry_in_ms: ending.delayMs },
        'a job failed and is tried again',
      )
    }
  }

  return { conclude, end }
}
