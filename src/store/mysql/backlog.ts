import type { BacklogRequest } from '../../ports/backlog.ts'
import type { Database } from './connect.ts'
import { literal } from './text.ts'

/** Pending, Queued, Retrying, Scheduled. */
const WAITING = [0, 1, 5, 7]

/** How many jobs of a queue wait. Walks queue_jobs_ready, which has every status of a queue. */
export function makeCountBacklog(database: Database) {
  return async function countBacklog({ queue, limit }: BacklogRequest): Promise<number> {
    const count = (statusId: number): string =>
      `(SELECT COUNT(*) FROM (SELECT 1 FROM ${database.names.queueJobs} FORCE INDEX (queue_jobs_ready)
        WHERE queue = ${literal(queue)} AND statusid = ${statusId} AND active LIMIT ${Math.floor(limit)}) s${statusId})`
    const { rows } = await database.run<{ jobs: string | number }>(
      `SELECT ${WAITING.map(count).join(' + ')} AS jobs`,
    )
    return Math.min(limit, Number(rows[0]?.jobs ?? 0))
  }
}
