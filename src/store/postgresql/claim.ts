import type { ClaimedJob, ClaimRequest } from '../../ports/store.ts'
import { INLINE_PAYLOAD_BYTES } from '../../ports/store.ts'
import { claimedJobOf, type ClaimRow } from '../job-rows.ts'
import type { Database, Statement } from './connect.ts'

/**
 * Walks queue_jobs_ready from `after`, then the primary key for each row picked. The picked ids are
 * materialised: a plain subquery with LIMIT can be run again by a nested loop and claim too many.
 */
export function claimStatement({ names }: Database): Statement {
  return {
    name: 'crossdock_claim',
    text: `WITH picked AS MATERIALIZED (
        SELECT id FROM ${names.queueJobs}
        WHERE queue = $1 AND statusid = 0 AND active AND (claimrank, seq) > ($2::int, $3::bigint)
        ORDER BY claimrank, seq LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED
      )
      UPDATE ${names.queueJobs} j SET statusid = 2, lockedby = $5, leaseepoch = j.leaseepoch + 1,
        leaseexpiresat = clock_timestamp() + $6::double precision * interval '1 millisecond',
        uniquekey = NULL, startedat = NULL, modifiedon = clock_timestamp()
      WHERE j.id = ANY (ARRAY(SELECT id FROM picked))
      RETURNING j.id, j.leaseepoch, j.claimrank, j.seq, j.handler, j.queue, j.priority,
        CASE WHEN octet_length(j.payload) <= ${INLINE_PAYLOAD_BYTES} THEN j.payload END AS payload,
        octet_length(j.payload) > ${INLINE_PAYLOAD_BYTES} AS large,
        j.contenttype, j.payloadencoding, j.headers, j.metadata, j.method, j.protocol, j.retrycount,
        j.maxretries, j.timeout, j.recoveries, j.orderingkey, j.tenantid, j.createdby, j.parentjobid,
        j.correlationid, j.traceparent, j.createdon`,
  }
}

/** Before every rank there is. */
const FRONT = { rank: -2_147_483_648, seq: '0' }

/** Takes ready jobs of one queue, in order. */
export function makeClaim(database: Database) {
  const statement = claimStatement(database)
  return async function claim(request: ClaimRequest): Promise<readonly ClaimedJob[]> {
    const after = request.after ?? FRONT
    const { rows } = await database.run<ClaimRow>(statement, [
      request.queue,
      after.rank,
      after.seq,
      request.limit,
      request.owner,
      request.leaseMs,
    ])
    // RETURNING promises no order.
    return rows.map(claimedJobOf).sort(byPlace)
  }
}

function byPlace(a: ClaimedJob, b: ClaimedJob): number {
  if (a.rank !== b.rank) return a.rank - b.rank
  // seq is a bigint in text: the shorter is the smaller.
  return a.seq.length - b.seq.length || (a.seq < b.seq ? -1 : 1)
}
