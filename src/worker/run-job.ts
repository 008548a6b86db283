import { CrossdockError, isCrossdockError } from '../domain/errors.ts'
import { addressOf, OUTBOUND_HANDLER } from '../domain/outbound.ts'
import { turnOf } from '../domain/turn.ts'
import type { Handler, ParsedInput } from '../ports/handler.ts'
import type { ClaimedJob, Ending, Settlement } from '../ports/store.ts'
import { storable, type Completions } from './completions.ts'
import { answerOf, answerOfError, endingOfError, endingOfReturn, isUnsent } from './ending.ts'
import { handlerContext, type Effects } from './handler-context.ts'
import type { HeldJob, HeldJobs } from './held.ts'
import type { ProgressWriter } from './progress-writer.ts'
import type { WorkerContext } from './settings.ts'

/** The parts that running a job needs. */
export interface RunParts {
  readonly held: HeldJobs
  readonly completions: Completions
  readonly progress: ProgressWriter
}

/** How long a handler may ignore that its instance is stopping, until its job is given back. */
const STOPPING_GRACE_MS = 2_000

/** How long a job waits that found no connection for its transaction, in milliseconds. */
const NO_DATABASE_MS = 2_000

/** The longest timer that Node keeps; a longer one would fire at once. */
const MAX_TIMER_MS = 2_147_483_647

/** A job whose lock another process took comes again after so long, in milliseconds. */
const LOCK_LOST_MS = 1_000

/** How long a job whose handler this instance lacks is left to others, in milliseconds. */
const MISSING_HANDLER_MS = 30_000

/**
 * Runs claimed jobs. `run` resolves when the worker is free for the next one: with the COMMIT for a
 * handler that used its transaction, with the handler's return for one that did not (its end goes into
 * the next group), and after the grace period for one that does not heed its signal.
 */
export function createRunner(context: WorkerContext, parts: RunParts) {
  const { settings, store, handlers, parseInput, wakeUps, clock, random, log } = context
  const { held: allHeld, completions, progress } = parts

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
      end(
        held,
        settlement(job, worker, { kind: 'returned', delayMs: MISSING_HANDLER_MS, error }, null),
      )
      return
    }
    if (job.recoveries > 0 || job.payload === undefined) {
      if (!(await prepare(held))) return
    }
    const limitMs = timeoutMs(job, handler)
    if (held.lockLost) {
      // While it was being prepared.
      end(held, settlement(job, worker, { kind: 'returned', delayMs: LOCK_LOST_MS }, null))
      return
    }
    if (!held.lease.begin(limitMs + settings.graceMs)) {
      log.warn({ job: job.jobId }, 'a job was given back before it began: this process stood still')
      allHeld.remove(held)
      return
    }
    const abort = new AbortController()
    const effects: Effects = { transaction: undefined, jobs: [], over: false }
    held.abort = abort
    const from = clock.monotonicMs()
    let begun = true
    const timer = clock.after(limitMs, () => {
      abort.abort(
        new CrossdockError('handler_timeout', `the handler took longer than ${limitMs / 1000} s`),
      )
    })

    let ending: Ending
    let outputData: string | undefined
    try {
      const returned = await call(held, handler, abort, effects)
      ending = endingOfReturn(returned)
      outputData = answerOf(returned)
      // A handler that finished after it was told to stop did not finish in time.
      abort.signal.throwIfAborted()
    } catch (error) {
      ending = failureEnding(error, held, handler, abort)
      outputData = answerOfError(error)
      if (isUnsent(error, handler)) begun = false
    } finally {
      timer.cancel()
      held.abort = undefined
      held.lease.finish()
      effects.over = true
    }
    // What never left was no execution: an absence of hours must not fill the history.
    const durationMs = begun ? clock.monotonicMs() - from : null
    try {
      await progress.finish(held)
      const settled = { ...settlement(job, worker, ending, durationMs), outputData }
      await conclude(held, handler, settled, effects, abort)
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
        end(held, settlement(job, settings.owner, { kind: 'returned', delayMs: 0 }, null))
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
      end(held, settlement(job, settings.owner, { kind: 'returned', delayMs: 1_000 }, null))
      return false
    }
  }

  /** The handler, or the end of our patience with it: whichever comes first. */
  function call(
    held: HeldJob,
    handler: Handler,
    abort: AbortController,
    effects: Effects,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      // Its input's schema may hang as well, and a thenable of any make is awaited by `await` alone.
      callHandler(held, handler, abort, effects).then(resolve, reject)
      abort.signal.addEventListener(
        'abort',
        () => {
          const stopping = isCrossdockError(
            abort.signal.reason,
            'instance_stopping',
            'handler_crashed',
          )
          clock.after(stopping ? STOPPING_GRACE_MS : settings.graceMs, () => {
            // It has settled already, or it does not listen.
            reject(abort.signal.reason as Error)
          })
        },
        { once: true },
      )
    })
  }

  async function callHandler(
    held: HeldJob,
    handler: Handler,
    abort: AbortController,
    effects: Effects,
  ): Promise<unknown> {
    const { job } = held
    const stored = {
      payload: job.payload ?? null,
      contentType: job.contentType,
      payloadEncoding: job.payloadEncoding,
    }
    const parsed: ParsedInput =
      handler.takes === 'stored' ? { ok: true, value: stored } : await parseInput(handler, stored)
    if (!parsed.ok) {
      const list = parsed.problems.map(({ path, message }) =>
        path === '' ? message : `${path}: ${message}`,
      )
      throw new CrossdockError('input_invalid', `invalid input: ${list.join('; ')}`)
    }
    // Its time may be up, or its lease lost, before it began.
    abort.signal.throwIfAborted()
    return await handler.run(
      handlerContext(context, held, handler, parsed.value, abort, effects, progress),
    )
  }

  function failureEnding(
    error: unknown,
    { job }: HeldJob,
    handler: Handler,
    abort: AbortController,
  ): Ending {
    const reason: unknown = abort.signal.aborted ? abort.signal.reason : undefined
    if (isCrossdockError(reason, 'instance_stopping', 'lease_lost')) {
      return { kind: 'returned', delayMs: 0 }
    }
    if (isCrossdockError(reason, 'lock_lost')) return { kind: 'returned', delayMs: LOCK_LOST_MS }
    // It never had a connection to work on: that was no attempt.
    if (reason === undefined && isCrossdockError(error, 'database_unavailable')) {
      return { kind: 'returned', delayMs: NO_DATABASE_MS }
    }
    if (reason === undefined && isUnsent(error, handler)) {
      return { kind: 'returned', delayMs: error.delayMs, error: storable(error.message) }
    }
    // What a handler throws because it was told to stop says less than why it was told to.
    return endingOfError({ error: reason ?? error, job, handler, settings, random })
  }

  async function conclude(
    held: HeldJob,
    handler: Handler,
    settled: Settlement,
    effects: Effects,
    abort: AbortController,
  ): Promise<void> {
    const { ending } = settled
    const failed = ending.kind === 'failed' || ending.kind === 'retry' || ending.kind === 'returned'
    if (failed) {
      if (abort.signal.aborted) effects.transaction?.abandon()
      else await effects.transaction?.rollback()
      logFailure(held, ending)
    } else if (effects.transaction?.begun === true || effects.jobs.length > 0) {
      await commit(held, handler, settled, effects)
      return
    }
    end(held, settled)
  }

  /** Everything the handler did and the end of its execution, in one commit. */
  async function commit(
    held: HeldJob,
    handler: Handler,
    settled: Settlement,
    effects: Effects,
  ): Promise<void> {
    const transaction = effects.transaction ?? store.openTransaction()
    try {
      await transaction.commit({ settlement: settled, jobs: effects.jobs })
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
        logFailure(held, ending)
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
    const { jobs } = effects
    // All of them: what was scheduled for a time that has passed is ready at once.
    const ready = jobs.filter((job) => job.orderingKey === undefined)
    if (ready.length > 0) wakeUps.ready([...new Set(ready.map((job) => job.queue ?? 'default'))])
    wakeUps.turns(jobs.flatMap(turnOf))
    if (jobs.some((job) => job.delayMs !== undefined || job.scheduledAt !== undefined)) {
      wakeUps.waiting()
    }
  }

  function end(held: HeldJob, settled: Settlement): void {
    completions.add(settled, () => {
      allHeld.remove(held)
      wakeUps.turns(turnOf(held.job))
      // Ready again at once, for whoever is free: perhaps another instance.
      if (settled.ending.kind === 'returned' && settled.ending.delayMs === 0) {
        wakeUps.ready([held.job.queue])
      }
    })
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
      ending,
      durationMs,
      retryAttempt: job.retryCount,
      executedBy,
      inputData: settings.historyPayloads === 'always' ? (job.payload ?? undefined) : undefined,
    }
  }

  function timeoutMs({ timeoutSeconds }: ClaimedJob, handler: Handler): number {
    // A plain INSERT may say 0 or less: it says nothing.
    const own = timeoutSeconds !== null && timeoutSeconds > 0 ? timeoutSeconds * 1000 : undefined
    return Math.min(own ?? handler.timeoutMs ?? settings.timeoutMs, MAX_TIMER_MS)
  }

  function logFailure({ job }: HeldJob, ending: Ending): void {
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
