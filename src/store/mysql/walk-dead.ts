import type { DeadWalk, DeadWalkStep } from '../../ports/dead-walk.ts'
import type { Database } from './connect.ts'
import { literal } from './text.ts'

/** Behind every seq. */
const LAST_SEQ = '9223372036854775807'

/**
 * One step along the dead letters. Walks the primary key backwards over so many jobs of any status: an
 * index of dead letters would cost every job that ends, for a question that people ask now and then.
 */
export function makeWalkDead(database: Database) {
  const { queueJobs } = database.names
  return async function walkDead({ before, limit, handler }: DeadWalk): Promise<DeadWalkStep> {
    const from = BigInt(before ?? LAST_SEQ)
    const part = await database.run<{ seq: string | null; walked: string | number }>(
      `SELECT CAST(MIN(seq) AS CHAR) AS seq, COUNT(*) AS walked
       FROM (SELECT seq FROM ${queueJobs} WHERE seq < ${from} ORDER BY seq DESC LIMIT ${limit}) part`,
    )
    const { seq = null, walked = 0 } = part.rows[0] ?? {}
    if (seq === null) return { ids: [], before: null }
    const ofHandler = handler === undefined ? '' : `AND handler = ${literal(handler)}`
    const { rows } = await database.run<{ id: string }>(
      `SELECT id FROM ${queueJobs} WHERE seq < ${from} AND seq >= ${seq} AND statusid + 0 = 4
         AND deadreason IS NOT NULL AND active ${ofHandler} ORDER BY seq DESC`,
    )
    return { ids: rows.map(({ id }) => id), before: Number(walked) < limit ? null : seq }
  }
}
