import type { ExecutionKey, ExpiredJob, RecoveryRequest } from '../../ports/store.ts'
import type { Database, Statement } from './connect.ts'
import { makeSettle, type Ended } from './settle.ts'
import { translateError } from './errors.ts'

interface KeyRow {
  id: string
  epoch: number
}

/**
 * An update of held executions by key. Rows that somebody has locked are passed over: their settlement
 * is under way, and a lease is renewed again long before it ends. Walks the primary key.
 */
function heldUpdate(database: Database, name: string, assignments: string): Statement {
  const { queueJobs } = database.names
  return {
    name,
    text: `WITH held AS MATERIALIZED (
        SELECT j.id, d.epoch FROM unnest($1::text[], $2::int[]) AS d(id, epoch)
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

/** Prolongs leases. */
export function makeRenew(database: Database) {
  const statement = heldUpdate(
    database,
    'crossdock_renew',
    `leaseexpiresat = clock_timestamp() + $3::double precision * interval '1 millisecond'`,
  )
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

interface ExpiredRow {
  id: string
  leaseepoch: number
  handler: string
  queue: string
  begun: boolean
  age: number
  retrycount: number
  maxretries: number | null
  recoveries: number
  lockedby: string | null
}

/**
 * Takes jobs back from holders whose lease expired: locks them, asks how each goes on, ends them all in
 * one commit. Walks queue_jobs_processing, which holds only what is being run. A Processing row without
 * a lease was written by somebody else and counts as expired.
 */
export function makeRecoverExpired(database: Database) {
  const settle = makeSettle(database)
  const find: Statement = {
    name: 'crossdock_expired',
    text: `SELECT id, leaseepoch, handler, queue, startedat IS NOT NULL AS begun,
        extract(epoch FROM statement_timestamp() - coalesce(startedat, statement_timestamp()))::double precision
          * 1000 AS age,
        retrycount, maxretries, recoveries, lockedby
      FROM ${database.names.queueJobs}
      WHERE statusid = 2 AND (leaseexpiresat < statement_timestamp() OR leaseexpiresat IS NULL)
        AND NOT cancelrequested
      ORDER BY seq LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED`,
  }
  return async function recoverExpired(request: RecoveryRequest): Promise<readonly ExpiredJob[]> {
    const client = await database.service.connect().catch((error: unknown) => {
      throw translateError(error)
    })
    let broken = false
    try {
      await client.query('BEGIN')
      const { rows } = await database.run<ExpiredRow>(find, [request.limit], client)
      const ended = rows.map((row): Ended => {
        const job = expiredJob(row)
        return {
          jobId: row.id,
          epoch: row.leaseepoch,
          ending: request.decide(job),
          durationMs: row.begun ? Math.max(0, row.age) : null,
          retryAttempt: row.retrycount,
          executedBy: row.lockedby ?? request.executedBy,
          recovered: true,
        }
      })
      await settle(ended, client)
      await client.query('COMMIT')
      return rows.map(expiredJob)
    } catch (error) {
      broken = true
      throw translateError(error)
    } finally {
      // A connection in an unknown state goes; the server undoes what it held.
      client.release(broken)
    }
  }
}

function expiredJob(row: ExpiredRow): ExpiredJob {
  return {
    jobId: row.id,
    epoch: row.leaseepoch,
    handler: row.handler,
    queue: row.queue,
    begun: row.begun,
    retryCount: row.retrycount,
    maxRetries: row.maxretries,
    recoveries: row.recoveries,
    lockedBy: row.lockedby,
  }
}

function keyArrays(keys: readonly ExecutionKey[]): [string[], number[]] {
  return [keys.map((each) => each.jobId), keys.map((each) => each.epoch)]
}

function key(row: KeyRow): ExecutionKey {
  return { jobId: row.id, epoch: row.epoch }
}
