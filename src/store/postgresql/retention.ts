import type { JobSweep, RetentionStore, Sweep, SweepStep } from '../../ports/retention.ts'
import type { Database, Statement } from './connect.ts'

/** Before every id and seq: both are drawn from 1 on. */
const FRONT = '0'

const CUTOFF = `(statement_timestamp() - $3 * interval '1 millisecond')`

/** What a step says of itself: behind a part without an old row nothing is old, since ids and seqs grow with time. */
const OF_PART = `SELECT (SELECT count(*) FROM gone)::int AS removed,
  (SELECT CASE WHEN count(*) < $2 OR min(createdon) >= ${CUTOFF} THEN NULL ELSE max(place) END
    FROM part)::text AS next`

/** Walks the primary key, a part at a time. */
export function removeHistoriesStatement({ names }: Database): Statement {
  return {
    name: 'crossdock_remove_histories',
    text: `WITH part AS MATERIALIZED (
        SELECT id AS place, createdon FROM ${names.jobHistories} WHERE id > $1 ORDER BY id LIMIT $2
      ), held AS MATERIALIZED (
        SELECT id FROM ${names.jobHistories}
        WHERE id = ANY (ARRAY(SELECT place FROM part WHERE createdon < ${CUTOFF}))
        ORDER BY id FOR UPDATE SKIP LOCKED
      ), gone AS (
        DELETE FROM ${names.jobHistories} WHERE id = ANY (ARRAY(SELECT id FROM held)) RETURNING id
      ) ${OF_PART}`,
  }
}

/**
 * Walks queue_jobs_seq, a part at a time: an index of finished jobs would cost every job that ends. Histories are
 * looked for by job_histories_execution. Under its lock a row is looked at as it is then: one that was retried
 * meanwhile stays.
 */
export function removeJobsStatement({ names }: Database): Statement {
  return {
    name: 'crossdock_remove_jobs',
    text: `WITH part AS MATERIALIZED (
        SELECT seq AS place, createdon, statusid FROM ${names.queueJobs}
        WHERE seq > $1 ORDER BY seq LIMIT $2
      ), held AS MATERIALIZED (
        SELECT q.seq FROM ${names.queueJobs} q
        WHERE q.seq = ANY (ARRAY(SELECT place FROM part
            WHERE createdon < ${CUTOFF} AND statusid IN (3, 4, 6)))
          AND q.statusid + 0 IN (3, 4, 6) AND coalesce(q.completedat, q.modifiedon) < ${CUTOFF}
          AND (q.dedupekey IS NULL
            OR q.createdon < statement_timestamp() - $4::float8 * interval '1 millisecond')
          AND NOT EXISTS (SELECT 1 FROM ${names.jobHistories} h WHERE h.jobid = q.id)
        ORDER BY q.seq FOR UPDATE OF q SKIP LOCKED
      ), gone AS (
        DELETE FROM ${names.queueJobs} WHERE seq = ANY (ARRAY(SELECT seq FROM held)) RETURNING seq
      ) ${OF_PART}`,
  }
}

/** Removes what has been kept long enough, on PostgreSQL. */
export function makeRetention(database: Database): RetentionStore {
  const histories = removeHistoriesStatement(database)
  const jobs = removeJobsStatement(database)

  async function step(statement: Statement, sweep: Sweep, more: readonly unknown[]) {
    const { after, limit, olderThanMs } = sweep
    const values = [after ?? FRONT, limit, olderThanMs, ...more]
    const { rows } = await database.run<SweepStep & { [column: string]: unknown }>(
      statement,
      values,
    )
    return { removed: rows[0]?.removed ?? 0, next: rows[0]?.next ?? null }
  }

  return {
    removeHistories: (sweep: Sweep) => step(histories, sweep, []),
    removeJobs: (sweep: JobSweep) => step(jobs, sweep, [sweep.inboxMs]),
  }
}
