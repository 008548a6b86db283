import type { Configuration } from '../config/configuration.ts'
import { errorMessage, isCrossdockError } from '../domain/errors.ts'
import type { Job } from '../domain/job.ts'
import type { Log } from '../ports/log.ts'
import type { Store } from '../ports/store.ts'
import { commits } from '../worker/try-handler.ts'
import { untriable, withTrials, type Trials, type TryOptions } from './trials.ts'

/** Which dead letters to try. */
export interface TryDeadOptions extends TryOptions {
  /** Those of this handler alone. */
  readonly handler?: string | undefined
  /** At most so many, the newest. */
  readonly limit: number
  /** Told after each one. */
  readonly onProgress: (tried: number, succeeding: number) => void
}

/** What became of one dead letter. */
export interface DeadTrial {
  readonly id: string
  readonly handler: string
  readonly outcome: 'succeeds' | 'fails' | 'untried'
  /** Why it would not succeed, or cannot be tried. */
  readonly reason?: string | undefined
  readonly mayHaveStayed: boolean
}

/** What became of all of them. */
export interface TryDeadReport {
  readonly trials: readonly DeadTrial[]
  /** Whether there are more than the limit. */
  readonly more: boolean
  /** Whether it was broken off before it had tried all. */
  readonly brokenOff: boolean
}

/** How many jobs one look at the table reads. */
const STEP = 5_000

/** Runs today's handlers on dead letters, one after the other, each in a transaction that is rolled back. */
export async function tryDead(
  configuration: Configuration,
  options: TryDeadOptions,
  log: Log,
): Promise<TryDeadReport> {
  return await withTrials(configuration, log, async (trials) => {
    const done: DeadTrial[] = []
    // A function, since the compiler would otherwise take it for unchanged across an await.
    const isStopped = (): boolean => options.signal?.aborted === true
    for await (const id of deadIds(trials.store, options)) {
      if (isStopped()) return { trials: done, more: true, brokenOff: true }
      if (done.length === options.limit) return { trials: done, more: true, brokenOff: false }
      const job = await trials.store.findJob(id)
      // Replayed or retried meanwhile.
      if (job?.status !== 'failed') continue
      const trial = await tryOne(trials, job, options)
      // Told to stop: that says nothing of the letter.
      if (isStopped()) continue
      done.push(trial)
      options.onProgress(done.length, done.filter(({ outcome }) => outcome === 'succeeds').length)
    }
    return { trials: done, more: false, brokenOff: isStopped() }
  })
}

async function* deadIds(
  store: Store,
  { handler }: Pick<TryDeadOptions, 'handler'>,
): AsyncGenerator<string> {
  let before: string | null = null
  do {
    const step = await store.walkDead({ before, limit: STEP, handler })
    yield* step.ids
    before = step.before
  } while (before !== null)
}

async function tryOne(trials: Trials, job: Job, options: TryOptions): Promise<DeadTrial> {
  const { id, handler } = job
  const untried = untriable(job)
  if (untried !== undefined) {
    return { id, handler, outcome: 'untried', reason: `it ${untried}`, mayHaveStayed: false }
  }
  try {
    const { trial } = await trials.runStored(job, {
      timeoutMs: options.timeoutMs,
      signal: options.signal,
    })
    const { mayHaveStayed } = trial.rehearsal
    if (commits(trial.ending)) return { id, handler, outcome: 'succeeds', mayHaveStayed }
    const reason = 'error' in trial.ending ? trial.ending.error : errorMessage(trial.error)
    return { id, handler, outcome: 'fails', reason, mayHaveStayed }
  } catch (error) {
    if (!isCrossdockError(error, 'usage', 'input_invalid')) throw error
    // No such handler, or a message that would be refused still.
    return { id, handler, outcome: 'fails', reason: error.message, mayHaveStayed: false }
  }
}
