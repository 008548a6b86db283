import { CrossdockError, isCrossdockError } from '../domain/errors.ts'
import type { NewJob, Progress } from '../domain/job.ts'
import type { Handler } from '../ports/handler.ts'
import { NOTHING_REHEARSED, type Rehearsal } from '../ports/rehearsal.ts'
import type { ClaimedJob, Ending, Store } from '../ports/store.ts'
import { callHandler, timeLimitMs } from './call-handler.ts'
import { madeJobs, noEffects, type Effects } from './effects.ts'
import { endingOfError } from './ending.ts'
import type { HandlerCallContext } from './handler-call.ts'
import { createRecordedLog, type RecordedLine } from './recorded-log.ts'

/** What trying a handler needs. */
export interface TrialContext extends Omit<HandlerCallContext, 'store' | 'log'> {
  /** `undefined`: there is no database; a handler that uses `tx` cannot be tried. */
  readonly store: Pick<Store, 'openTransaction'> | undefined
}

/** One try. */
export interface TrialRequest {
  /** With its payload. It need not be stored, nor claimed. */
  readonly job: ClaimedJob
  readonly handler: Handler
  /** Default: as for a job that is run. */
  readonly limitMs?: number | undefined
  /** Tells the handler to stop, with the signal's reason where that is one of ours. */
  readonly signal?: AbortSignal | undefined
}

/** What a handler would do to a message. All of it was rolled back. */
export interface Trial {
  /** How the execution would end. */
  readonly ending: Ending
  /** Why, where it would not end well: what was thrown, or why the handler was told to stop. */
  readonly error: unknown
  /** What would be enqueued and published with its end: nothing where that commits nothing. */
  readonly made: readonly NewJob[]
  readonly progress: readonly Progress[]
  readonly logs: readonly RecordedLine[]
  readonly rehearsal: Rehearsal
  /** The time of the handler alone. */
  readonly durationMs: number
  /** Set where the handler asked for a transaction and there is no database. */
  readonly withoutDatabase: boolean
}

/** How long statements that the handler left running may take, until the connection is broken. */
const REHEARSAL_LIMIT_MS = 5_000

/** The same for a handler that was told to stop. */
const STOPPED_LIMIT_MS = 500

/** Whether an execution that ends so commits what its handler did. */
export function commits({ kind }: Ending): boolean {
  return kind === 'completed' || kind === 'snoozed' || kind === 'cancelled'
}

/**
 * Runs a handler as a worker would, in a real transaction that is rolled back always. Everything that a
 * commit would refuse makes the try fail. What a handler does elsewhere (another service, a file) is done.
 */
export async function tryHandler(context: TrialContext, request: TrialRequest): Promise<Trial> {
  const { clock, settings, random } = context
  const { job, handler, signal } = request
  const abort = new AbortController()
  const effects = noEffects()
  const progress: Progress[] = []
  const { log, lines } = createRecordedLog(clock)
  let withoutDatabase = false
  const stop = (): void => {
    abort.abort(reasonOf(signal?.reason))
  }
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted === true) stop()

  const open = (): ReturnType<Store['openTransaction']> => {
    if (context.store !== undefined) return context.store.openTransaction({ watched: true })
    withoutDatabase = true
    throw noDatabase(handler.name)
  }
  const called = await callHandler(
    { ...context, log, store: { openTransaction: open } },
    {
      job,
      handler,
      limitMs: request.limitMs ?? timeLimitMs(job, handler, settings),
      abort,
      effects,
      onProgress: (newest) => void progress.push(newest),
    },
  )
  signal?.removeEventListener('abort', stop)

  const wanted = commits(called.ending) ? madeJobs(effects) : []
  const limitMs = abort.signal.aborted ? STOPPED_LIMIT_MS : REHEARSAL_LIMIT_MS
  const rehearsal = await rehearse(context, effects, { jobs: wanted, limitMs })
  const refused = commits(called.ending) ? rehearsal.failure : undefined
  const error: unknown = abort.signal.aborted ? abort.signal.reason : (refused ?? called.error)
  const ending =
    refused === undefined
      ? called.ending
      : endingOfError({ error: refused, job, handler, settings, random })
  return {
    ending,
    error: commits(ending) ? undefined : error,
    made: commits(ending) ? wanted : [],
    progress,
    logs: lines,
    rehearsal,
    durationMs: called.durationMs,
    withoutDatabase,
  }
}

async function rehearse(
  { store, clock }: TrialContext,
  effects: Effects,
  { jobs, limitMs }: { readonly jobs: readonly NewJob[]; readonly limitMs: number },
): Promise<Rehearsal> {
  const transaction =
    effects.transaction ?? (jobs.length > 0 ? store?.openTransaction() : undefined)
  if (transaction === undefined) return NOTHING_REHEARSED
  const late = Promise.withResolvers<Rehearsal>()
  const timer = clock.after(limitMs, () => {
    transaction.abandon()
    late.resolve(
      unseen(new CrossdockError('transaction_lost', 'a statement of the handler still ran')),
    )
  })
  const rehearsed = transaction.rehearse({ jobs }).catch((error: unknown) => {
    if (isCrossdockError(error)) return unseen(error)
    throw error
  })
  const rehearsal = await Promise.race([rehearsed, late.promise])
  timer.cancel()
  return rehearsal
}

/** The connection is gone, and what was open on it undone; whether the handler had committed is not known. */
function unseen(failure: CrossdockError): Rehearsal {
  return { failure, mayHaveStayed: true, touched: undefined }
}

function reasonOf(reason: unknown): CrossdockError {
  return isCrossdockError(reason)
    ? reason
    : new CrossdockError('instance_stopping', 'the try was broken off', { cause: reason })
}

function noDatabase(name: string): CrossdockError {
  return new CrossdockError(
    'usage',
    `handler '${name}' uses tx, and there is no database: give one (\`database\`), or test what does not need it`,
  )
}
