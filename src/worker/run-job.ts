import { CrossdockError } from '../domain/errors.ts'
import { addressOf, OUTBOUND_HANDLER } from '../domain/outbound.ts'
import type { ClaimedJob, Ending, Settlement } from '../ports/store.ts'
import { callHandler, LOCK_LOST_MS, timeLimitMs } from './call-handler.ts'
import type { Completions } from './completions.ts'
import { createConclusions } from './conclude.ts'
import { noEffects } from './effects.ts'
import { answerOf, answerOfError, isUnsent } from './ending.ts'
import type { HeldJob, HeldJobs } from './held.ts'
import type { ProgressWriter } from './progress-writer.ts'
import type { WorkerContext } from './settings.ts'

/** The parts that running a job needs. */
export interface RunParts {
  readonly held: HeldJobs
  readonly completions: Completions
  readonly progress: ProgressWriter
}

/** How long a job whose handler this instance lacks is left to others, in milliseconds. */
const MISSING_HANDLER_MS = 30_000

/**
 * Runs claimed jobs. `run` resolves when the worker is free for the next one: with the COMMIT for a
 * handler that used its transaction, with the handler's return for one that did not (its end goes into
 * the next group), and after the grace period for one that does not heed its signal.
 */
export function createRunner(context: WorkerContext, parts: RunParts) {
  const { settings, store, handlers, log } = context
  const { held: allHeld, progress } = parts
  const conclusions = createConclusions(context, parts)

  /** Handlers that jobs named and nobody has here: each is told of once. */
  const missing = new Set<string>()

  async function run(held: HeldJob, worker: string): Promise<void> {
    const { job } = held
    const handler = handlers.handlerOf(job)
    if (handler === undefined) {
      const error = `${whoIsMissing(job)}; the job waits for an instance that has it`
      if (!missing.has(error)) {
        missing.add(error)
        log.warn({ handler: job.handler, job: job.jobId }, error)
      }
      conclusions.end(
        held,
        settlement(job, worker, { kind: 'returned', delayMs: MISSING_HANDLER_MS, error }, null),
      )
      return
    }
    if (job.recoveries > 0 || job.payload === undefined) {
      if (!(await prepare(held))) return
    }
    const limitMs = timeLimitMs(job, handler, settings)
    if (held.lockLost) {
      // While it was being prepared.
      conclusions.end(
        held,
        settlement(job, worker, { kind: 'returned', delayMs: LOCK_LOST_MS }, null),
      )
      return
    }
    if (!held.lease.begin(limitMs + settings.graceMs)) {
      log.warn({ job: job.jobId }, 'a job was given back before it began: this process stood still')
      allHeld.remove(held)
      return
    }
    const abort = new AbortController()
    const effects = noEffects()
    held.abort = abort
    const called = await callHandler(context, {
      job: held.job,
      handler,
      limitMs,
      abort,
      effects,
      onProgress: (newest) => {
        progress.set(held, newest)
      },
    })
    held.abort = undefined
    held.lease.finish()
    // What never left was no execution: an absence of hours must not fill the history.
    const durationMs = isUnsent(called.error, handler) ? null : called.durationMs
    try {
      await progress.finish(held)
      const settled = {
        ...settlement(job, worker, called.ending, durationMs),
        outputData: answerOf(called.returned) ?? answerOfError(called.error),
      }
      await conclusions.conclude({ held, handler, settled, effects, aborted: abort.signal.aborted })
    } catch (error) {
      // A fault of ours: a connection that stayed behind with it would be missing for ever.
      effects.transaction?.abandon()
      throw error
    }
  }

  /**
   * Reads a large payload. Writes the begin of a job that was taken from a dead process before its handler
   * starts: otherwise one that kills its process at once would do so for ever.
   */
  async function prepare(held: HeldJob): Promise<boolean> {
    const { job } = held
    try {
      if (job.recoveries > 0 && (await store.begin([job])).length === 0) {
        // Lost, or its row was locked for a moment: the return settles which.
        conclusions.end(
          held,
          settlement(job, settings.owner, { kind: 'returned', delayMs: 0 }, null),
        )
        return false
      }
      if (job.payload === undefined) {
        const payload = await store.readPayload(job)
        if (payload === null) {
          // A payload this large does not vanish: the row is somebody else's by now.
          allHeld.remove(held)
          return false
        }
        held.job = { ...job, payload }
      }
      return true
    } catch (error) {
      log.warn({ job: job.jobId, err: error }, 'a job could not begin, and is given back')
      conclusions.end(
        held,
        settlement(job, settings.owner, { kind: 'returned', delayMs: 1_000 }, null),
      )
      return false
    }
  }

  function settlement(
    job: ClaimedJob,
    executedBy: string,
    ending: Ending,
    durationMs: number | null,
  ): Settlement {
    return {
      jobId: job.jobId,
      epoch: job.epoch,
      seq: job.seq,
      ending,
      durationMs,
      retryAttempt: job.retryCount,
      executedBy,
      inputData: settings.historyPayloads === 'always' ? (job.payload ?? undefined) : undefined,
    }
  }

  return { run }
}

function whoIsMissing({ handler, protocol, method }: ClaimedJob): string {
  return handler === OUTBOUND_HANDLER
    ? `no publication '${addressOf(protocol ?? '', method ?? '')}' here`
    : `no handler '${handler}' here`
}

/** The error of handlers that still run when an exception outside every promise ends their instance. */
export function crashedError(): CrossdockError {
  return new CrossdockError(
    'handler_crashed',
    'an exception outside every promise ended the instance while this handler ran',
  )
}

/** The error of a handler that is told to stop because its instance is stopping. */
export function stoppingError(): CrossdockError {
  return new CrossdockError(
    'instance_stopping',
    'this instance is stopping; the job runs again elsewhere',
  )
}
