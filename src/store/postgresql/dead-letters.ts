import type { DeadLetterStore } from '../../ports/dead-letters.ts'
import {
  DEAD_LETTER_COLUMNS,
  type DeadLetterRow,
  walkDeadLetters,
  type Window,
} from '../dead-letters.ts'
import type { Database, Statement } from './connect.ts'

/** Dead letters. Walks queue_jobs_seq backwards, and queue_jobs_dedupekey. */
export function makeDeadLetters(database: Database): DeadLetterStore {
  const { queueJobs } = database.names
  const bounds = {
    name: 'crossdock_seq_bounds',
    text: `SELECT (SELECT seq FROM ${queueJobs} ORDER BY seq LIMIT 1)::text AS first,
      (SELECT seq FROM ${queueJobs} ORDER BY seq DESC LIMIT 1)::text AS last`,
  }
  // The status in a form that no index serves: the walk is along seq, whatever the planner thinks.
  const look = (direction: Window['direction']): Statement => ({
    name: `crossdock_dead_letters_${direction.toLowerCase()}`,
    text: `SELECT ${DEAD_LETTER_COLUMNS}, metadata ->> 'subscription' AS subscription
      FROM ${queueJobs}
      WHERE seq >= $1::bigint AND seq < $2::bigint AND statusid + 0 = 4 AND deadreason IS NOT NULL AND active
        AND ($4::text IS NULL OR handler = $4) AND ($5::text IS NULL OR protocol = $5)
        AND ($6::text IS NULL OR metadata ->> 'subscription' = $6)
        AND ($7::text IS NULL OR deadreason = $7) AND ($8::text IS NULL OR tenantid = $8)
        AND ($9::timestamptz IS NULL OR createdon >= $9) AND ($10::timestamptz IS NULL OR createdon < $10)
      ORDER BY seq ${direction} LIMIT $3::int`,
  })
  const byKey = {
    name: 'crossdock_jobs_by_key',
    text: `SELECT id, dedupekey FROM ${queueJobs}
      WHERE dedupekey IS NOT NULL AND dedupekey = ANY($1::text[])`,
  }
  return {
    find: (request) =>
      walkDeadLetters(request, {
        bounds: async () => {
          const { rows } = await database.run<{ first: string | null; last: string | null }>(
            bounds,
            [],
          )
          const { first, last } = rows[0] ?? {}
          if (typeof first !== 'string' || typeof last !== 'string') return undefined
          return { first: BigInt(first), last: BigInt(last) }
        },
        look: async (window) => {
          const { filter } = request
          const { rows } = await database.run<DeadLetterRow>(look(window.direction), [
            window.from,
            window.below,
            window.limit,
            filter.handler ?? null,
            filter.protocol ?? null,
            filter.subscription ?? null,
            filter.deadReason ?? null,
            filter.tenantId ?? null,
            filter.from?.toISOString() ?? null,
            filter.to?.toISOString() ?? null,
          ])
          return rows
        },
      }),
    jobsByKey: async (keys) => {
      const { rows } = await database.run<{ id: string; dedupekey: string }>(byKey, [[...keys]])
      return new Map(rows.map((row) => [row.dedupekey, row.id]))
    },
  }
}
