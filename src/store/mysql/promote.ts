import { turnOf } from '../../domain/turn.ts'
import type { Promotion } from '../../ports/store.ts'
import type { Database } from './connect.ts'
import { numberList } from './text.ts'

interface DueRow {
  readonly seq: string
  readonly queue: string
  readonly statusid: number
  readonly tenantid: string | null
  readonly orderingkey: string | null
}

/**
 * Makes due Scheduled and Retrying jobs Pending, and Scheduled ones with an ordering key Queued: a Retrying one
 * has kept its turn. Walks queue_jobs_due from its front, so what waits for later costs nothing, and a look at one row tells when there is nothing to do.
 */
export function makePromoteDue(database: Database) {
  const { queueJobs } = database.names

  /** How long the first waits, of those of whose time `since` is true. */
  async function nextDue(since: string): Promise<number | null> {
    const { rows } = await database.run<{ duein: string }>(`SELECT
        TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), watchtime) AS duein
      FROM ${queueJobs} FORCE INDEX (queue_jobs_due)
      WHERE ${since} ORDER BY watchtime LIMIT 1`)
    return rows[0] === undefined ? null : Number(rows[0].duein) / 1000
  }

  return async function promoteDue(request: { readonly limit: number }): Promise<Promotion> {
    const first = await nextDue('watchtime IS NOT NULL')
    if (first === null || first > 0) {
      return { count: 0, queues: [], nextDueInMs: first, turns: [] }
    }
    const promoted = await database.transaction(async (run) => {
      const { rows } = await run<DueRow>(`SELECT seq, queue, statusid, tenantid, orderingkey
        FROM ${queueJobs} FORCE INDEX (queue_jobs_due)
        WHERE watchtime <= UTC_TIMESTAMP(6)
        ORDER BY watchtime LIMIT ${Math.max(0, Math.floor(request.limit))} FOR UPDATE SKIP LOCKED`)
      if (rows.length > 0) {
        await run(`UPDATE ${queueJobs} SET
            statusid = CASE WHEN statusid = 7 AND orderingkey IS NOT NULL THEN 1 ELSE 0 END,
            modifiedon = UTC_TIMESTAMP(6)
          WHERE seq IN (${numberList(rows.map((row) => row.seq))})`)
      }
      return rows
    })
    const queued = promoted.filter((row) => row.statusid === 7 && row.orderingkey !== null)
    const ready = promoted.filter((row) => !queued.includes(row))
    return {
      count: promoted.length,
      queues: [...new Set(ready.map((row) => row.queue))],
      turns: queued.flatMap((row) =>
        turnOf({ tenantId: row.tenantid, orderingKey: row.orderingkey }),
      ),
      nextDueInMs: await nextDue('watchtime > UTC_TIMESTAMP(6)'),
    }
  }
}
