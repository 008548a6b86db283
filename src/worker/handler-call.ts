import type { Progress } from '../domain/job.ts'
import type { Handler } from '../ports/handler.ts'
import type { ClaimedJob, Store } from '../ports/store.ts'
import type { Effects } from './effects.ts'
import type { WorkerContext, WorkerSettings } from './settings.ts'

/** What calling a handler needs: the workers have it, and so have tries and tests. */
export interface HandlerCallContext extends Pick<
  WorkerContext,
  'handlers' | 'publications' | 'parseInput' | 'clock' | 'makeId' | 'random' | 'log'
> {
  readonly settings: Pick<WorkerSettings, 'graceMs' | 'maxRetries' | 'retry' | 'timeoutMs'>
  readonly store: Pick<Store, 'openTransaction'>
}

/** One call of a handler. */
export interface HandlerCall {
  /** With its payload. */
  readonly job: ClaimedJob
  readonly handler: Handler
  readonly limitMs: number
  /** Aborted from outside by whoever wants the handler to stop, and here when its time is up. */
  readonly abort: AbortController
  /** Filled by what the handler does. Its transaction is left open: the caller commits it or not. */
  readonly effects: Effects
  readonly onProgress: (progress: Progress) => void
}
