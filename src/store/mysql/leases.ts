import { CrossdockError } from '../../domain/errors.ts'
import type { ExecutionKey, ExpiredJob, RecoveryRequest } from '../../ports/store.ts'
import type { ExpiredRow } from '../job-rows.ts'
import { recoveredEnds, withJobsBeside } from '../recovery.ts'
import type { Database } from './connect.ts'
import { lockHeld } from './held.ts'
import { findJobIn, processingFrom } from './read.ts'
import { settleIn } from './settle.ts'
import { interval, list, numberList } from './text.ts'

/**
 * Updates held executions. Rows that somebody has locked are passed over: their settlement is under way,
 * and a lease is renewed again long before it ends. Walks queue_jobs_id, then the primary key.
 */
async function updateHeld(
  database: Database,
  keys: readonly ExecutionKey[],
  assignment: string,
): Promise<readonly ExecutionKey[]> {
  if (keys.length === 0) return []
  return await database.transaction(async (run) => {
    const held = await lockHeld(run, database, keys, { locked: 'skip' })
    if (held.length > 0) {
      await run(`UPDATE ${database.names.queueJobs} SET ${assignment}, modifiedon = UTC_TIMESTAMP(6)
        WHERE seq IN (${numberList(held.map(({ seq }) => seq))})`)
    }
    return held.map(({ key }) => key)
  })
}

/** Writes that executions began. */
export function makeBegin(database: Database) {
  return (keys: readonly ExecutionKey[]): Promise<readonly ExecutionKey[]> =>
    updateHeld(database, keys, 'startedat = UTC_TIMESTAMP(6)')
}

/** Prolongs leases. */
export function makeRenew(database: Database) {
  return (request: {
    readonly keys: readonly ExecutionKey[]
    readonly leaseMs: number
  }): Promise<readonly ExecutionKey[]> =>
    updateHeld(
      database,
      request.keys,
      `leaseexpiresat = UTC_TIMESTAMP(6) + ${interval(request.leaseMs)}`,
    )
}

/** Of these executions, those that are still the caller's, locked or not. Walks queue_jobs_id. */
export function makeStillHeld(database: Database) {
  return async (keys: readonly ExecutionKey[]): Promise<readonly ExecutionKey[]> => {
    if (keys.length === 0) return []
    const ids = list([...new Set(keys.map(({ jobId }) => jobId))])
    const { rows } = await database.run<{ id: string; leaseepoch: number }>(
      `SELECT id, leaseepoch FROM ${database.names.queueJobs} FORCE INDEX (queue_jobs_id)
       WHERE id IN (${ids}) AND statusid + 0 = 2`,
    )
    const epochs = new Map(rows.map((row) => [row.id, row.leaseepoch]))
    return keys.filter(({ jobId, epoch }) => epochs.get(jobId) === epoch)
  }
}

type FoundRow = Omit<ExpiredRow, 'begun' | 'age' | 'cancelrequested'> & {
  readonly begun: number
  readonly age: string
  readonly cancelrequested: number
}

const EXPIRED = '(leaseexpiresat < UTC_TIMESTAMP(6) OR leaseexpiresat IS NULL)'

/** A locking look that took longer has waited for somebody, in milliseconds. */
const TABLE_LOCK_MS = 500

/**
 * Takes jobs back from holders whose lease expired: finds them without a lock, locks those alone, asks
 * how each goes on, ends them all in one commit. A look that locks would hold every row that is being
 * run for a moment, and renewals pass over locked rows. Walks queue_jobs_ready from queue to queue. A
 * Processing row without a lease was written by somebody else and counts as expired.
 */
export function makeRecoverExpired(database: Database) {
  const { queueJobs } = database.names
  return async function recoverExpired(request: RecoveryRequest): Promise<readonly ExpiredJob[]> {
    const found = await database.run<{ seq: string }>(`SELECT seq
      FROM ${processingFrom(database)} AND ${EXPIRED}
      ORDER BY seq LIMIT ${Math.max(0, Math.floor(request.limit))}`)
    if (found.rows.length === 0) return []
    return await database.transaction(async (run) => {
      const from = performance.now()
      const { rows } = await run<FoundRow>(`SELECT id, leaseepoch, handler, protocol, method, queue,
          startedat IS NOT NULL AS begun,
          COALESCE(TIMESTAMPDIFF(MICROSECOND, startedat, UTC_TIMESTAMP(6)), 0) AS age,
          retrycount, maxretries, recoveries, lockedby, cancelrequested
        FROM ${queueJobs} FORCE INDEX (PRIMARY)
        WHERE seq IN (${numberList(found.rows.map((row) => row.seq))})
          AND statusid + 0 = 2 AND ${EXPIRED}
        ORDER BY seq FOR UPDATE SKIP LOCKED`)
      if (performance.now() - from > TABLE_LOCK_MS) {
        // Rows that are locked are passed over, so the whole table was: for their holders as well, who
        // could not renew.
        throw new CrossdockError('database_locked', 'the table of jobs was locked by somebody', {
          retryable: true,
        })
      }
      const expired = rows.map((row) => ({
        ...row,
        begun: row.begun === 1,
        age: Number(row.age) / 1000,
        cancelrequested: row.cancelrequested === 1,
      }))
      const taken = await withJobsBeside(recoveredEnds(expired, request), request, (id) =>
        findJobIn(run, database, id),
      )
      await settleIn(
        run,
        database,
        taken.map(({ end }) => end),
      )
      return taken.map(({ job }) => job)
    })
  }
}
