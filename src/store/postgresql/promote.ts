import type { TurnKey } from '../../domain/turn.ts'
import type { Promotion } from '../../ports/store.ts'
import type { Database, Statement } from './connect.ts'

/**
 * Makes due Scheduled and Retrying jobs Pending, and Scheduled ones with an ordering key Queued: a Retrying one
 * has kept its turn. Walks queue_jobs_waiting from its front, so what waits
 * for later costs nothing. `statement_timestamp()`, since an index cannot be asked for a volatile time.
 */
export function promoteStatement({ names }: Database): Statement {
  return {
    name: 'crossdock_promote',
    text: `WITH due AS MATERIALIZED (
        SELECT id FROM ${names.queueJobs}
        WHERE statusid IN (5, 7) AND active AND scheduledat <= statement_timestamp()
        ORDER BY scheduledat LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
      ), moved AS (
        UPDATE ${names.queueJobs} j SET
          statusid = CASE WHEN j.statusid = 7 AND j.orderingkey IS NOT NULL THEN 1 ELSE 0 END,
          modifiedon = clock_timestamp()
        WHERE j.id = ANY (ARRAY(SELECT id FROM due))
        RETURNING j.queue, j.statusid, j.tenantid, j.orderingkey
      )
      SELECT (SELECT count(*) FROM moved)::int AS count,
        (SELECT array_agg(DISTINCT queue) FROM moved WHERE statusid = 0) AS queues,
        (SELECT jsonb_agg(DISTINCT jsonb_build_object('tenantId', tenantid, 'orderingKey', orderingkey))
          FROM moved WHERE statusid = 1) AS turns,
        (SELECT extract(epoch FROM scheduledat - statement_timestamp())::double precision * 1000
          FROM ${names.queueJobs}
          WHERE statusid IN (5, 7) AND active AND scheduledat > statement_timestamp()
          ORDER BY scheduledat LIMIT 1) AS nextduein`,
  }
}

/** Promotes what is due. */
export function makePromoteDue(database: Database) {
  const statement = promoteStatement(database)
  return async function promoteDue(request: { readonly limit: number }): Promise<Promotion> {
    const { rows } = await database.run<{
      count: number
      queues: string[] | null
      turns: TurnKey[] | null
      nextduein: number | null
    }>(statement, [request.limit])
    const row = rows[0]
    return {
      count: row?.count ?? 0,
      queues: row?.queues ?? [],
      nextDueInMs: row?.nextduein ?? null,
      turns: row?.turns ?? [],
    }
  }
}
