import type { DeadLetterFilter, DeadLetterStore } from '../../ports/dead-letters.ts'
import { DEAD_LETTER_COLUMNS, type DeadLetterRow, walkDeadLetters } from '../dead-letters.ts'
import type { Database } from './connect.ts'
import { list, literal } from './text.ts'

/** In the column's own collation: names compare byte by byte. */
const SUBSCRIPTION = `JSON_UNQUOTE(JSON_EXTRACT(metadata, '$.subscription'))`

/** Dead letters. Walks the primary key backwards, and queue_jobs_dedupekey. */
export function makeDeadLetters(database: Database): DeadLetterStore {
  const { queueJobs } = database.names
  return {
    find: (request) =>
      walkDeadLetters(request, {
        bounds: async () => {
          const { rows } = await database.run<{ first: string | null; last: string | null }>(
            `SELECT MIN(seq) AS first, MAX(seq) AS last FROM ${queueJobs}`,
          )
          const { first, last } = rows[0] ?? {}
          if (first === null || first === undefined || last === null || last === undefined) {
            return undefined
          }
          return { first: BigInt(first), last: BigInt(last) }
        },
        look: async (window) => {
          const { rows } = await database.run<DeadLetterRow>(
            `SELECT ${DEAD_LETTER_COLUMNS}, ${SUBSCRIPTION} AS subscription
               FROM ${queueJobs} FORCE INDEX (PRIMARY)
               WHERE ${conditions(request.filter, window).join(' AND ')}
               ORDER BY seq ${window.direction} LIMIT ${Math.max(0, Math.floor(window.limit))}`,
          )
          return rows
        },
      }),
    jobsByKey: async (keys) => {
      if (keys.length === 0) return new Map()
      const { rows } = await database.run<{ id: string; dedupekey: string }>(
        `SELECT id, dedupekey FROM ${queueJobs} WHERE dedupekey IN (${list(keys)})`,
      )
      return new Map(rows.map((row) => [row.dedupekey, row.id]))
    },
  }
}

function conditions(
  filter: DeadLetterFilter,
  { from, below }: { readonly from: string; readonly below: string },
): readonly string[] {
  const equal: Readonly<Record<string, string | undefined>> = {
    handler: filter.handler,
    protocol: filter.protocol,
    [SUBSCRIPTION]: filter.subscription,
    deadreason: filter.deadReason,
    tenantid: filter.tenantId,
  }
  const stated = Object.entries(equal).flatMap(([column, value]) =>
    value === undefined ? [] : [`${column} = ${literal(value)}`],
  )
  return [
    `seq >= ${BigInt(from)} AND seq < ${BigInt(below)}`,
    'statusid + 0 = 4 AND deadreason IS NOT NULL AND active',
    ...stated,
    ...(filter.from === undefined ? [] : [`createdon >= ${time(filter.from)}`]),
    ...(filter.to === undefined ? [] : [`createdon < ${time(filter.to)}`]),
  ]
}

function time(date: Date): string {
  return literal(date.toISOString().replace('T', ' ').replace('Z', ''))
}
