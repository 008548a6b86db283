import { STATUS } from '../../domain/status.ts'
import type { ExecutionKey } from '../../ports/store.ts'
import { jobsBeside, written, type Ended } from '../endings.ts'
import { checkText } from '../job-columns.ts'
import { completeRows, divideEnds, endOf, endText } from './complete-rows.ts'
import type { Database, Run } from './connect.ts'
import { lockHeld } from './held.ts'
import { endRows, historyRows, type LockedEnd } from './end-rows.ts'
import { makeInsertJobs } from './insert-jobs.ts'
import { literal, runInPackets } from './text.ts'

/**
 * Ends executions, with their history rows, in the transaction of `run`. Which are still the caller's is
 * read under lock, then all are written by one statement. Returns their keys.
 */
export async function settleIn(
  run: Run,
  database: Database,
  settlements: readonly Ended[],
): Promise<readonly ExecutionKey[]> {
  for (const settlement of settlements) checkTexts(settlement)
  const held = await lockHeld(run, database, settlements, { locked: 'wait' })
  const bySettlement = new Map(held.map((row) => [`${row.key.epoch}:${row.key.jobId}`, row]))
  const ends: LockedEnd[] = []
  for (const ended of settlements) {
    const name = `${ended.epoch}:${ended.jobId}`
    const row = bySettlement.get(name)
    const writes = written(ended.ending)
    if (row === undefined || (row.cancelRequested && writes.status !== STATUS.cancelled)) continue
    bySettlement.delete(name)
    ends.push({ seq: row.seq, ended, writes })
  }
  if (ends.length === 0) return []
  const maxBytes = await database.maxStatementBytes()
  await runInPackets(run, maxBytes, endRows(database, ends))
  const history = ends.filter(({ ended }) => ended.durationMs !== null)
  if (history.length > 0) await runInPackets(run, maxBytes, historyRows(database, history))
  const keys = ends.map(({ ended: { jobId, epoch } }) => ({ jobId, epoch }))
  const jobs = jobsBeside(settlements, keys)
  if (jobs.length > 0) await makeInsertJobs(database)({ jobs, again: false }, run)
  return keys
}

/**
 * Ends one execution, with its history row, in the transaction of `run`: two statements instead of the
 * three of a group, and without its table of JSON. With those, jobs with one statement of their own ran at
 * two thirds of the speed. Returns whether it was still the caller's.
 */
export async function settleOneIn(
  run: Run,
  database: Database,
  settlement: Ended,
): Promise<boolean> {
  checkTexts(settlement)
  const { affected } = await run(endText(database, settlement))
  if (affected === 0) return false
  if (settlement.durationMs !== null) {
    const maxBytes = await database.maxStatementBytes()
    await runInPackets(
      run,
      maxBytes,
      historyRows(database, [{ ended: settlement, writes: written(settlement.ending) }]),
    )
  }
  return true
}

/** What the server would take and PostgreSQL would not. */
export function checkTexts({ ending, inputData, outputData, executedBy }: Ended): void {
  const { result, error, deadReason } = written(ending)
  const texts = {
    result,
    lasterror: error,
    deadreason: deadReason,
    inputdata: inputData,
    outputdata: outputData,
    executedBy,
  }
  for (const [column, text] of Object.entries(texts)) {
    if (typeof text === 'string') checkText(column, text)
  }
}

/**
 * The same where completions need no look at their rows. Returns `null`, and has rolled back, when one of
 * them was no longer the caller's.
 */
async function settleUnseen(
  run: Run,
  database: Database,
  settlements: readonly Ended[],
): Promise<readonly ExecutionKey[] | null> {
  const { completions, others } = divideEnds(settlements)
  for (const { ended } of completions) checkTexts(ended)
  if (completions.length > 0) {
    if (!(await completeRows(run, database, completions))) {
      await run('ROLLBACK')
      return null
    }
    const maxBytes = await database.maxStatementBytes()
    await runInPackets(run, maxBytes, historyRows(database, completions.map(endOf)))
  }
  const keys = completions.map(({ ended: { jobId, epoch } }) => ({ jobId, epoch }))
  const jobs = jobsBeside(
    completions.map(({ ended }) => ended),
    keys,
  )
  if (jobs.length > 0) await makeInsertJobs(database)({ jobs, again: false }, run)
  return others.length === 0 ? keys : [...keys, ...(await settleIn(run, database, others))]
}

/** Ends executions in groups. Returns the keys of those that were still the caller's. */
export function makeSettle(database: Database) {
  return async function settle(settlements: readonly Ended[]): Promise<readonly ExecutionKey[]> {
    if (settlements.length === 0) return []
    const ended = await database.transaction((run) => settleUnseen(run, database, settlements))
    // A lease that was lost is rare: then who is still the caller's is read under lock.
    return ended ?? (await database.transaction((run) => settleIn(run, database, settlements)))
  }
}

/** Of these executions, those that have their history row. Walks job_histories_execution. */
export function makeSettled(database: Database) {
  return async function settled(keys: readonly ExecutionKey[]): Promise<readonly ExecutionKey[]> {
    if (keys.length === 0) return []
    const places = keys.map(
      ({ jobId, epoch }) => `(jobid = ${literal(jobId)} AND leaseepoch = ${literal(epoch)})`,
    )
    const { rows } = await database.run<{ jobid: string; leaseepoch: number }>(
      `SELECT jobid, leaseepoch FROM ${database.names.jobHistories} WHERE ${places.join(' OR ')}`,
    )
    return rows.map((row) => ({ jobId: row.jobid, epoch: row.leaseepoch }))
  }
}
