import { v7 } from 'uuid'
import { isCrossdockError, type ErrorCode } from '../../../src/domain/errors.ts'
import type { NewJob } from '../../../src/domain/job.ts'
import type {
  ClaimedJob,
  Ending,
  ExecutionKey,
  Settlement,
  Store,
} from '../../../src/ports/store.ts'
import type { Row, TargetDatabase } from './target.ts'

/** A job with what is needed, and `columns`. */
export function newJob(columns: Partial<NewJob> = {}): NewJob {
  return { id: v7(), handler: 'test.handler', ...columns }
}

/** So many of them. */
export function newJobs(count: number, columns: Partial<NewJob> = {}): readonly NewJob[] {
  return Array.from({ length: count }, () => newJob(columns))
}

/** Stores jobs that nobody has sent before. */
export async function insert(store: Store, ...jobs: readonly NewJob[]): Promise<readonly string[]> {
  const outcomes = await store.insertJobs({ jobs, again: false })
  return outcomes.map(({ outcome }) => outcome)
}

/** How the tests claim. */
export const CLAIM = {
  queue: 'default',
  limit: 100,
  owner: 'instance-1',
  leaseMs: 30_000,
  after: null,
} as const

/** Stores one job and claims it. */
export async function claimNew(
  store: Store,
  columns: Partial<NewJob> = {},
  claim: { readonly leaseMs?: number; readonly owner?: string } = {},
): Promise<ClaimedJob> {
  const job = newJob(columns)
  await insert(store, job)
  const claimed = await store.claim({ ...CLAIM, queue: job.queue ?? 'default', ...claim })
  const mine = claimed.find(({ jobId }) => jobId === job.id)
  if (mine === undefined || claimed.length !== 1) throw new Error('one job was expected')
  return mine
}

/** The end of an execution that took 250 ms. With the `seq` of its row where `job` is what a claim gave. */
export function settlement(
  { jobId, epoch, seq }: ExecutionKey & { readonly seq?: string },
  ending: Ending = { kind: 'completed', result: null },
  more: Partial<Settlement> = {},
): Settlement {
  return {
    jobId,
    epoch,
    seq,
    ending,
    durationMs: 250,
    retryAttempt: 0,
    executedBy: 'instance-1/worker-1',
    ...more,
  }
}

/** `jobId` and `epoch` alone, as the store answers them. */
export function keyOf({ jobId, epoch }: ExecutionKey): ExecutionKey {
  return { jobId, epoch }
}

/** The row of a job. */
export async function rowOf(database: TargetDatabase, id: string): Promise<Row> {
  const [row] = await database.sql('SELECT * FROM queue_jobs WHERE id = ?', [id])
  if (row === undefined) throw new Error(`no job ${id}`)
  return row
}

/** How many rows a table has, or those of it that `where` lets through. */
export async function count(
  database: TargetDatabase,
  table: string,
  where = '1 = 1',
): Promise<number> {
  const [row] = await database.sql(`SELECT count(*) AS number FROM ${table} WHERE ${where}`)
  return Number(row?.['number'])
}

/** The code that a promise is rejected with; anything but an error of ours fails the test. */
export async function codeOf(promise: Promise<unknown>): Promise<ErrorCode> {
  const error: unknown = await promise.then(
    () => new Error('it was not rejected'),
    (reason: unknown) => reason,
  )
  if (isCrossdockError(error)) return error.code
  throw error
}
