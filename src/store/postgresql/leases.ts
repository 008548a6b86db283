import type { ExecutionKey, ExpiredJob, RecoveryRequest } from '../../ports/store.ts'
import type { ExpiredRow } from '../job-rows.ts'
import { recoveredEnds, withJobsBeside } from '../recovery.ts'
import type { Database, Statement } from './connect.ts'
import { makeSettle } from './settle.ts'
import { inTransaction } from './in-transaction.ts'
import { makeFindJob } from './read.ts'

interface KeyRow {
  id: string
  epoch: number
}

/**
 * An update of held executions by key. Rows that somebody has locked are passed over: their settlement
 * is under way, and a lease is renewed again long before it ends. Walks the primary key; why the arrays
 * stand behind a SELECT is said in settle.ts.
 */
function heldUpdate(database: Database, name: string, assignments: string): Statement {
  const { queueJobs } = database.names
  return {
    name,
    text: `WITH held AS MATERIALIZED (
        SELECT j.id, d.epoch FROM unnest((SELECT $1::text[]), (SELECT $2::int[])) AS d(id, epoch)
        JOIN ${queueJobs} j ON j.id = d.id AND j.leaseepoch = d.epoch AND j.statusid + 0 = 2
        FOR NO KEY UPDATE OF j SKIP LOCKED
      )
      UPDATE ${queueJobs} j SET ${assignments}, modifiedon = clock_timestamp()
      FROM held WHERE j.id = held.id
      RETURNING j.id, held.epoch`,
  }
}

/** Writes that executions began. */
export function makeBegin(database: Database) {
  const statement = heldUpdate(database, 'crossdock_begin', 'startedat = clock_timestamp()')
  return async function begin(keys: readonly ExecutionKey[]): Promise<readonly ExecutionKey[]> {
    const { rows } = await database.run<KeyRow>(statement, keyArrays(keys))
    return rows.map(key)
  }
}

/** Prolongs the leases of held executions. */
export function renewStatement(database: Database): Statement {
  const lease = `leaseexpiresat = clock_timestamp() + $3::double precision * interval '1 millisecond'`
  return heldUpdate(database, 'crossdock_renew', lease)
}

/** Prolongs leases. */
export function makeRenew(database: Database) {
  const statement = renewStatement(database)
  return async function renew(request: {
    readonly keys: readonly ExecutionKey[]
    readonly leaseMs: number
  }): Promise<readonly ExecutionKey[]> {
    const { rows } = await database.run<KeyRow>(statement, [
      ...keyArrays(request.keys),
      request.leaseMs,
    ])
    return rows.map(key)
  }
}

/** Of these executions, those that are still the caller's, locked or not. Walks the primary key. */
export function makeStillHeld(database: Database) {
  const statement: Statement = {
    name: 'crossdock_still_held',
    text: `SELECT j.id, d.epoch FROM unnest((SELECT $1::text[]), (SELECT $2::int[])) AS d(id, epoch)
      JOIN ${database.names.queueJobs} j ON j.id = d.id AND j.leaseepoch = d.epoch
        AND j.statusid + 0 = 2`,
  }
  return async function stillHeld(keys: readonly ExecutionKey[]): Promise<readonly ExecutionKey[]> {
    const { rows } = await database.run<KeyRow>(statement, keyArrays(keys))
    return rows.map(key)
  }
}

/**
 * Locks jobs whose lease expired. Walks queue_jobs_processing, which holds only what is being run. A
 * Processing row without a lease was written by somebody else and counts as expired.
 */
export function expiredStatement(database: Database): Statement {
  return {
    name: 'crossdock_expired',
    text: `SELECT id, leaseepoch, handler, protocol, method, queue, startedat IS NOT NULL AS begun,
        extract(epoch FROM statement_timestamp() - coalesce(startedat, statement_timestamp()))::double precision
          * 1000 AS age,
        retrycount, maxretries, recoveries, lockedby, cancelrequested
      FROM ${database.names.queueJobs}
      WHERE statusid = 2 AND (leaseexpiresat < statement_timestamp() OR leaseexpiresat IS NULL)
      ORDER BY seq LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED`,
  }
}

/** Takes expired jobs back: locks them, asks how each goes on, ends them all in one commit. */
export function makeRecoverExpired(database: Database) {
  const settle = makeSettle(database)
  const find = expiredStatement(database)
  const findJob = makeFindJob(database)
  async function recover(request: RecoveryRequest): Promise<readonly ExpiredJob[]> {
    return await inTransaction(database, async (client) => {
      const { rows } = await database.run<ExpiredRow>(find, [request.limit], client)
      const taken = await withJobsBeside(recoveredEnds(rows, request), request, (id) =>
        findJob(id, client),
      )
      await settle(
        taken.map(({ end }) => end),
        client,
      )
      return taken.map(({ job }) => job)
    })
  }
  return (request: RecoveryRequest): Promise<readonly ExpiredJob[]> =>
    database.contention.repeated(() => recover(request))
}

function keyArrays(keys: readonly ExecutionKey[]): [string[], number[]] {
  return [keys.map((each) => each.jobId), keys.map((each) => each.epoch)]
}

function key(row: KeyRow): ExecutionKey {
  return { jobId: row.id, epoch: row.epoch }
}
