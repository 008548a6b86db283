import type { DeadWalk, DeadWalkStep } from '../../ports/dead-walk.ts'
import type { Database } from './connect.ts'

/** Behind every seq. */
const LAST_SEQ = '9223372036854775807'

/**
 * One step along the dead letters. Walks queue_jobs_seq backwards over so many jobs of any status: an index
 * of dead letters would cost every job that ends, for a question that people ask now and then.
 */
export function makeWalkDead(database: Database) {
  const { queueJobs } = database.names
  const end = {
    name: 'crossdock_dead_end',
    text: `SELECT min(seq)::text AS seq, count(*)::int AS walked
      FROM (SELECT seq FROM ${queueJobs} WHERE seq < $1 ORDER BY seq DESC LIMIT $2) part`,
  }
  const found = {
    name: 'crossdock_dead',
    text: `SELECT id FROM ${queueJobs} WHERE seq < $1 AND seq >= $2 AND statusid + 0 = 4
        AND deadreason IS NOT NULL AND active AND ($3::text IS NULL OR handler = $3)
      ORDER BY seq DESC`,
  }
  return async function walkDead({ before, limit, handler }: DeadWalk): Promise<DeadWalkStep> {
    const from = before ?? LAST_SEQ
    const part = await database.run<{ seq: string | null; walked: number }>(end, [from, limit])
    const { seq = null, walked = 0 } = part.rows[0] ?? {}
    if (seq === null) return { ids: [], before: null }
    const { rows } = await database.run<{ id: string }>(found, [from, seq, handler ?? null])
    return { ids: rows.map(({ id }) => id), before: walked < limit ? null : seq }
  }
}
