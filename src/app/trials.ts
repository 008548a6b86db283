import { v7 } from 'uuid'
import type { Configuration } from '../config/configuration.ts'
import { closest } from '../config/suggestion.ts'
import { CrossdockError } from '../domain/errors.ts'
import type { Job, NewJob } from '../domain/job.ts'
import { loadHandlers } from '../handler-kit/load-folder.ts'
import { parseInput } from '../handler-kit/validate-input.ts'
import type { Handler, HandlerRegistry } from '../ports/handler.ts'
import type { Log } from '../ports/log.ts'
import type { ClaimedJob, Store } from '../ports/store.ts'
import { messageAsJob, storedAsJob } from '../worker/trial-job.ts'
import { tryHandler, type Trial, type TrialContext } from '../worker/try-handler.ts'
import { createAcceptance, type Acceptance } from './accept-again.ts'
import { refusePending } from './migrate-database.ts'
import { openDatabase } from './open-database.ts'
import { publicationDirectory } from './outbound.ts'
import { openStore, storeAddress } from './open-store.ts'
import { systemClock } from './system-clock.ts'

/** How messages are tried. */
export interface TryOptions {
  /** Default: as for a job that is run. */
  readonly timeoutMs?: number | undefined
  /** Tells the handler to stop. */
  readonly signal?: AbortSignal | undefined
}

/** A try, and of what. */
export interface TryReport {
  readonly handler: string
  /** The stored job; `undefined`: the message is stored nowhere. */
  readonly job: Job | undefined
  readonly trial: Trial
}

/** The handlers, and the configured database: what tries need. */
export interface Trials {
  readonly store: Store
  run(job: ClaimedJob, options: TryOptions): Promise<Trial>
  /**
   * Tries a stored job, with its handler unless another one is named.
   * @throws CrossdockError `usage` for a job that cannot be tried, `input_invalid` for a dead letter that its
   *   subscription would refuse still
   */
  runStored(job: Job, options: TryOptions & { readonly handler?: string }): Promise<TryReport>
}

/** A handler that ignores its signal is given up after so long, in milliseconds, if not before. */
const LONGEST_GRACE_MS = 5_000

/** Opens what tries need, and ends it again. Changes nothing: migrations that are missing are an error. */
export async function withTrials<T>(
  configuration: Configuration,
  log: Log,
  work: (trials: Trials) => Promise<T>,
): Promise<T> {
  const handlers = await loadHandlers({ folders: configuration.jobs.handlerFolders, log })
  const database = await openDatabase(configuration, log)
  try {
    await refusePending(database, configuration)
    const store = await openStore(storeAddress(database, configuration), 1, log)
    const acceptance = createAcceptance(configuration, log)
    try {
      return await work(trialsOn({ configuration, store, handlers, acceptance }))
    } finally {
      await acceptance.stop()
      await store.close()
    }
  } finally {
    await database.close()
  }
}

interface TrialParts {
  readonly configuration: Configuration
  readonly store: Store
  readonly handlers: HandlerRegistry
  readonly acceptance: Acceptance
}

function trialsOn({ configuration, store, handlers, acceptance }: TrialParts): Trials {
  const { jobs } = configuration
  const context: TrialContext = {
    store,
    handlers,
    publications: publicationDirectory(configuration),
    parseInput,
    clock: systemClock,
    makeId: v7,
    random: Math.random,
    settings: {
      graceMs: Math.min(jobs.shutdownGraceMs, LONGEST_GRACE_MS),
      maxRetries: jobs.maxRetries,
      retry: jobs.retry,
      timeoutMs: jobs.timeoutSeconds * 1000,
    },
  }

  const run: Trials['run'] = (job, { timeoutMs, signal }) => {
    const handler = handlerNamed(handlers, job.handler)
    return tryHandler(context, { job, handler, limitMs: timeoutMs, signal })
  }

  return {
    store,
    run,
    runStored: async (job, { handler = job.handler, ...options }) => {
      const untried = untriable(job)
      if (untried !== undefined) throw new CrossdockError('usage', `job '${job.id}' ${untried}`)
      handlerNamed(handlers, handler)
      const claimed = acceptance.isRaw(job)
        ? { ...acceptedAsJob(await acceptance.accept(job)), handler }
        : storedAsJob(job, handler)
      return { handler, job, trial: await run(claimed, options) }
    },
  }
}

/** Why a stored job cannot be tried, as the end of a sentence; `undefined`: it can. */
export function untriable(job: Job): string | undefined {
  if (job.direction === 'outbound') {
    return 'is a message to be sent: trying it would send it, and that cannot be taken back'
  }
  return job.deadReason === 'too_large'
    ? 'was too large to be stored: it has no payload'
    : undefined
}

function acceptedAsJob(row: NewJob): ClaimedJob {
  return messageAsJob({ ...row, payload: row.payload ?? null })
}

function handlerNamed(handlers: HandlerRegistry, name: string): Handler {
  const handler = handlers.get(name)
  if (handler !== undefined) return handler
  const meant = closest(name, handlers.names())
  const others =
    meant === undefined
      ? `there are: ${handlers.names().join(', ') || 'none'}`
      : `did you mean ${meant}?`
  throw new CrossdockError(
    'usage',
    `There is no handler '${name}' in the folders of jobs.handlers; ${others}`,
  )
}
