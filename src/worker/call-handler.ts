import { CrossdockError, isCrossdockError } from '../domain/errors.ts'
import type { Handler, ParsedInput } from '../ports/handler.ts'
import type { ClaimedJob, Ending } from '../ports/store.ts'
import { storable } from './completions.ts'
import { endingOfError, endingOfReturn, isUnsent } from './ending.ts'
import type { HandlerCall, HandlerCallContext } from './handler-call.ts'
import { handlerContext } from './handler-context.ts'
import type { WorkerSettings } from './settings.ts'

/** What became of a call. */
export interface CalledHandler {
  readonly ending: Ending
  /** What the handler returned. */
  readonly returned: unknown
  /** What a failed ending was made of; `undefined` where the handler returned. */
  readonly error: unknown
  readonly durationMs: number
}

/** How long a handler may ignore that its instance is stopping, until its job is given back. */
const STOPPING_GRACE_MS = 2_000

/** How long a job waits that found no connection for its transaction, in milliseconds. */
const NO_DATABASE_MS = 2_000

/** The longest timer that Node keeps; a longer one would fire at once. */
const MAX_TIMER_MS = 2_147_483_647

/** A job whose lock another process took comes again after so long, in milliseconds. */
export const LOCK_LOST_MS = 1_000

/**
 * Calls a handler: the one place where that is done, for jobs, tries and tests alike. Checks the input,
 * keeps the time, and says what the return or the error makes of the job. Resolves with the handler's
 * end, and after the grace period for one that does not heed its signal. Never rejects for what a
 * handler does; commits and rolls back nothing.
 */
export async function callHandler(
  context: HandlerCallContext,
  call: HandlerCall,
): Promise<CalledHandler> {
  const { clock } = context
  const { abort, effects, limitMs } = call
  const from = clock.monotonicMs()
  const timer = clock.after(limitMs, () => {
    abort.abort(
      new CrossdockError('handler_timeout', `the handler took longer than ${limitMs / 1000} s`),
    )
  })
  let ending: Ending
  let returned: unknown
  let failure: unknown
  try {
    returned = await endOrPatience(context, call)
    ending = endingOfReturn(returned)
    // A handler that finished after it was told to stop did not finish in time.
    abort.signal.throwIfAborted()
  } catch (error) {
    failure = error
    ending = failureEnding(context, call, error)
  } finally {
    timer.cancel()
    effects.over = true
  }
  return { ending, returned, error: failure, durationMs: clock.monotonicMs() - from }
}

/** How long a handler may take: the row, the handler, the default. In milliseconds. */
export function timeLimitMs(
  { timeoutSeconds }: Pick<ClaimedJob, 'timeoutSeconds'>,
  handler: Handler,
  settings: Pick<WorkerSettings, 'timeoutMs'>,
): number {
  // A plain INSERT may say 0 or less: it says nothing.
  const own = timeoutSeconds !== null && timeoutSeconds > 0 ? timeoutSeconds * 1000 : undefined
  return Math.min(own ?? handler.timeoutMs ?? settings.timeoutMs, MAX_TIMER_MS)
}

/** The handler, or the end of our patience with it: whichever comes first. */
function endOrPatience(context: HandlerCallContext, call: HandlerCall): Promise<unknown> {
  const { settings, clock } = context
  const { signal } = call.abort
  return new Promise((resolve, reject) => {
    // Its input's schema may hang as well, and a thenable of any make is awaited by `await` alone.
    checkAndRun(context, call).then(resolve, reject)
    signal.addEventListener(
      'abort',
      () => {
        const stopping = isCrossdockError(signal.reason, 'instance_stopping', 'handler_crashed')
        clock.after(stopping ? STOPPING_GRACE_MS : settings.graceMs, () => {
          // It has settled already, or it does not listen.
          reject(signal.reason as Error)
        })
      },
      { once: true },
    )
  })
}

async function checkAndRun(context: HandlerCallContext, call: HandlerCall): Promise<unknown> {
  const { job, handler, abort } = call
  const stored = {
    payload: job.payload ?? null,
    contentType: job.contentType,
    payloadEncoding: job.payloadEncoding,
  }
  const parsed: ParsedInput =
    handler.takes === 'stored'
      ? { ok: true, value: stored }
      : await context.parseInput(handler, stored)
  if (!parsed.ok) {
    const list = parsed.problems.map(({ path, message }) =>
      path === '' ? message : `${path}: ${message}`,
    )
    throw new CrossdockError('input_invalid', `invalid input: ${list.join('; ')}`)
  }
  // Its time may be up, or its lease lost, before it began.
  abort.signal.throwIfAborted()
  return await handler.run(handlerContext(context, call, parsed.value))
}

function failureEnding(
  { settings, random }: HandlerCallContext,
  { job, handler, abort }: HandlerCall,
  error: unknown,
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
