import { CrossdockError, errorMessage, isCrossdockError } from '../domain/errors.ts'
import { isCancel, isSnooze } from '../domain/outcome.ts'
import { isPublished, OUTBOUND_HANDLER } from '../domain/outbound.ts'
import { isPublicationError, type PublicationError } from '../domain/publication-error.ts'
import { retryDelayMs } from '../domain/retry.ts'
import type { Handler } from '../ports/handler.ts'
import type { ClaimedJob, Ending } from '../ports/store.ts'
import { storable } from './completions.ts'
import type { WorkerSettings } from './settings.ts'

/** The largest result that is kept, in characters of JSON. */
const MAX_RESULT_CHARS = 16 * 1024 * 1024

/** A year: the longest a retry waits, in milliseconds. */
const MAX_DELAY_MS = 366 * 24 * 3_600_000

/** What a handler's return value makes of its job: outcomes are values, all else is the result. */
export function endingOfReturn(returned: unknown): Ending {
  if (isSnooze(returned)) return { kind: 'snoozed', delayMs: returned.delayMs }
  if (isCancel(returned)) return { kind: 'cancelled', reason: storable(returned.reason) }
  if (isPublished(returned)) return { kind: 'completed', result: PUBLISHED }
  return { kind: 'completed', result: resultOf(returned) }
}

/** The result of a message that the far side has confirmed. */
const PUBLISHED = '{"published":true}'

/** The longest answer of a far side that is kept, in characters. */
const MAX_ANSWER_CHARS = 16 * 1024

/** What a far side answered, of what an outbound handler returned. */
export function answerOf(returned: unknown): string | undefined {
  return isPublished(returned) ? kept(returned.answer) : undefined
}

/** The same of what it threw. */
export function answerOfError(error: unknown): string | undefined {
  return isPublicationError(error) ? kept(error.answer) : undefined
}

function kept(answer: string | undefined): string | undefined {
  return answer === undefined ? undefined : storable(answer, MAX_ANSWER_CHARS)
}

/** Whether a message never left: that is no attempt. */
export function isUnsent(error: unknown, handler: Handler): error is PublicationError {
  if (handler.name !== OUTBOUND_HANDLER) return false
  return isPublicationError(error) && error.code === 'publication_unsent'
}

function resultOf(returned: unknown): string | null {
  let text: string | undefined
  try {
    // `undefined` and functions have no JSON: no result.
    text = toJson(returned)
  } catch (error) {
    throw new CrossdockError(
      'result_not_serializable',
      `the handler returned what JSON cannot hold (${errorMessage(error)}). Return plain data, or nothing`,
      { cause: error },
    )
  }
  if (text !== undefined && text.length > MAX_RESULT_CHARS) {
    throw new CrossdockError(
      'result_not_serializable',
      `the handler returned ${text.length} characters of JSON; a result may have ${MAX_RESULT_CHARS}`,
    )
  }
  return text ?? null
}

/** `undefined` for what has no JSON, which the declared type of JSON.stringify leaves out. */
function toJson(value: unknown): string | undefined {
  return JSON.stringify(value)
}

/** What {@link endingOfError} goes by. */
export interface Failure {
  readonly error: unknown
  readonly job: Pick<ClaimedJob, 'retryCount' | 'maxRetries'>
  readonly handler: Handler | undefined
  readonly settings: Pick<WorkerSettings, 'maxRetries' | 'retry'>
  readonly random: () => number
}

/** Errors that no further attempt can mend. */
const PERMANENT = [
  'permanent',
  'input_invalid',
  'result_not_serializable',
  'transaction_forbidden',
  'publication_unknown',
  'message_invalid',
  'publication_refused',
  'template_failed',
] as const

/** What a thrown error makes of its job: another attempt while there are some left. */
export function endingOfError(failure: Failure): Ending {
  const { job } = failure
  const { text, permanent } = readError(failure.error)
  if (permanent !== undefined) {
    const deadReason = permanent === 'publication_refused' ? 'refused' : permanent
    return { kind: 'failed', error: text, deadReason }
  }
  if (job.retryCount >= maxRetriesOf(failure)) {
    return { kind: 'failed', error: text, deadReason: 'retries_exhausted' }
  }
  return {
    kind: 'retry',
    error: text,
    delayMs: delayOf(failure),
    // Retried jobs drop one priority, once, so that they do not hold up the others again and again.
    lowerPriority: job.retryCount === 0,
  }
}

interface ReadError {
  readonly text: string
  readonly permanent?: (typeof PERMANENT)[number]
}

/** Anything may be thrown, also what throws when it is looked at: that must not cost the job its end. */
function readError(error: unknown): ReadError {
  let text = 'the handler threw something that cannot be shown as text'
  try {
    // The message of an error may be anything.
    const message: unknown = errorMessage(error)
    text = storable(String(message))
    const permanent = PERMANENT.find((code) => isCrossdockError(error, code))
    if (permanent !== undefined) return { text, permanent }
    // The dead reason says that the retries are exhausted; this alone says what went wrong each time.
    return isCrossdockError(error, 'transaction_lost')
      ? { text: `${error.code}: ${text}` }
      : { text }
  } catch {
    return { text }
  }
}

/** Attempts after the first: the row, the handler, the default. */
export function maxRetriesOf({
  job,
  handler,
  settings,
}: Omit<Failure, 'error' | 'random'>): number {
  return job.maxRetries ?? handler?.maxRetries ?? settings.maxRetries
}

function delayOf({ error, job, handler, settings, random }: Failure): number {
  const own = handler?.retryDelay
  let delay: number | undefined
  try {
    delay = typeof own === 'function' ? own(job.retryCount, error) : own
  } catch {
    // A retryDelay that throws must not cost the job its retries.
  }
  if (delay === undefined || !Number.isFinite(delay)) {
    delay = retryDelayMs(settings.retry, job.retryCount, random)
  }
  // A far side that said when to come again is not asked before.
  const leastMs = isPublicationError(error) ? (error.retryAfterMs ?? 0) : 0
  return Math.min(Math.max(0, leastMs, delay), MAX_DELAY_MS)
}
