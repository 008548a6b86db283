import { CrossdockError } from '../../../src/domain/errors.ts'
import type { NewJob } from '../../../src/domain/job.ts'
import type { Log } from '../../../src/ports/log.ts'
import type { InsertOutcome, InsertRequest } from '../../../src/ports/store.ts'
import type { WakeUps } from '../../../src/ports/wake-ups.ts'

/** One INSERT as the store saw it; the test answers it when it likes. */
export interface SeenInsert extends InsertRequest {
  readonly ids: readonly string[]
  /** Answers: every row stored, or these outcomes. */
  commit(outcomes?: readonly InsertOutcome[]): void
  fail(error: Error): void
}

/** A store whose inserts wait for the test, or are answered by `answer` at once. */
export function fakeStore(answer?: (request: InsertRequest) => readonly InsertOutcome[]) {
  const inserts: SeenInsert[] = []
  return {
    inserts,
    insertJobs: (request: InsertRequest): Promise<readonly InsertOutcome[]> => {
      const { promise, resolve, reject } = Promise.withResolvers<readonly InsertOutcome[]>()
      const seen: SeenInsert = {
        ...request,
        ids: request.jobs.map((job) => job.id),
        commit: (outcomes = request.jobs.map(stored)) => {
          resolve(outcomes)
        },
        fail: reject,
      }
      inserts.push(seen)
      if (answer !== undefined) {
        try {
          seen.commit(answer(request))
        } catch (error) {
          reject(error)
        }
      }
      return promise
    },
  }
}

/** What the store says of a row that went in. */
export function stored(job: NewJob): InsertOutcome {
  return { outcome: 'stored', jobId: job.id }
}

/** The errors of a store. */
export const storeErrors = {
  away: () => new CrossdockError('database_unavailable', 'away', { retryable: true }),
  deadlock: () => new CrossdockError('database_retryable', 'deadlock', { retryable: true }),
  locked: () => new CrossdockError('database_locked', 'locked', { retryable: true }),
  unknown: () => new CrossdockError('database_error', 'a trigger of somebody says no'),
  data: () => new CrossdockError('database_data', 'a value that no column holds'),
}

/** Wake-ups that are counted. */
export function countingWakeUps(): WakeUps & { readonly woken: string[][]; waits: number } {
  const woken: string[][] = []
  return {
    woken,
    waits: 0,
    ready(queues) {
      woken.push([...queues])
    },
    waiting() {
      this.waits += 1
    },
    turns: () => undefined,
    onReady: () => () => undefined,
    onWaiting: () => () => undefined,
    onTurns: () => () => undefined,
    onSchedules: () => () => undefined,
    pauses: () => undefined,
    onPauses: () => () => undefined,
  }
}

/** A log that says nothing. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
}
