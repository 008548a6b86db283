import type { BacklogRequest } from '../../ports/backlog.ts'
import { readLimit } from '../backlog.ts'
import type { Database, Statement } from './connect.ts'

/** See {@link makeCountBacklog}. */
export function backlogStatement({ names: { queueJobs } }: Pick<Database, 'names'>): Statement {
  // Their indexes do not know the queue: a bounded part is read, of what came last and of what is due first.
  const queued = `SELECT queue FROM ${queueJobs} WHERE statusid = 1 AND active ORDER BY seq DESC LIMIT $3`
  const waiting = `SELECT queue FROM ${queueJobs} WHERE statusid IN (5, 7) AND active
    ORDER BY scheduledat LIMIT $3`
  return {
    name: 'crossdock_backlog',
    text: `WITH ready AS MATERIALIZED (
        SELECT count(*) AS jobs FROM (SELECT 1 FROM ${queueJobs}
          WHERE queue = $1 AND statusid = 0 AND active LIMIT $2) front
      )
      SELECT least($2, CASE WHEN jobs >= $2 THEN jobs ELSE jobs
          + (SELECT count(*) FROM (${queued}) queued WHERE queue = $1)
          + (SELECT count(*) FROM (${waiting}) waiting WHERE queue = $1) END)::int AS jobs
      FROM ready`,
  }
}

/**
 * How many jobs of a queue wait. Walks queue_jobs_ready, and where those are fewer than asked for a bounded part
 * of queue_jobs_queued and of queue_jobs_waiting.
 */
export function makeCountBacklog(database: Database) {
  const statement = backlogStatement(database)
  return async function countBacklog({ queue, limit }: BacklogRequest): Promise<number> {
    const values = [queue, limit, readLimit(limit)]
    const { rows } = await database.run<{ jobs: number }>(statement, values)
    return rows[0]?.jobs ?? 0
  }
}
