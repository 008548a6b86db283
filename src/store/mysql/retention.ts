import type { RetentionStore, Sweep, SweepStep } from '../../ports/retention.ts'
import type { Database, Run } from './connect.ts'
import { interval, list, numberList } from './text.ts'

/** A row of the part that a step looks at. */
interface PartRow {
  readonly place: string
  readonly isold: number
}

const before = (ms: number): string => `UTC_TIMESTAMP(6) - ${interval(ms)}`

/** Removes what has been kept long enough, on MySQL and MariaDB. */
export function makeRetention(database: Database): RetentionStore {
  const { queueJobs, jobHistories } = database.names

  /** One transaction: reads a part of the table, locks what `held` finds among its old rows, and removes that. */
  function step(
    { after, limit, olderThanMs }: Sweep,
    { table, place }: { readonly table: string; readonly place: string },
    held: (run: Run, old: string) => Promise<readonly string[]>,
  ): Promise<SweepStep> {
    return database.transaction(async (run) => {
      const { rows } = await run<PartRow>(`SELECT CAST(${place} AS CHAR) AS place,
          createdon < ${before(olderThanMs)} AS isold
        FROM ${table} FORCE INDEX (PRIMARY) WHERE ${place} > ${BigInt(after ?? 0)}
        ORDER BY ${place} LIMIT ${limit}`)
      const old = rows.filter(({ isold }) => isold === 1)
      const places =
        old.length === 0 ? [] : await held(run, numberList(old.map((row) => row.place)))
      const removed =
        places.length === 0
          ? 0
          : (await run(`DELETE FROM ${table} WHERE ${place} IN (${numberList(places)})`)).affected
      // Behind a part without an old row nothing is old: both numbers grow with time.
      const isLast = rows.length < limit || old.length === 0
      return { removed, next: isLast ? null : (rows.at(-1)?.place ?? null) }
    })
  }

  return {
    /** Walks the primary key. */
    removeHistories: (sweep) =>
      step(sweep, { table: jobHistories, place: 'id' }, async (run, old) => {
        const { rows } = await run<{ place: string }>(`SELECT CAST(id AS CHAR) AS place
          FROM ${jobHistories} FORCE INDEX (PRIMARY) WHERE id IN (${old})
          ORDER BY id FOR UPDATE SKIP LOCKED`)
        return rows.map(({ place }) => place)
      }),
    /**
     * Walks the primary key: an index of finished jobs would cost every job that ends. Histories are looked for
     * once the jobs are locked, since nobody can write one then.
     */
    removeJobs: (sweep) =>
      step(sweep, { table: queueJobs, place: 'seq' }, async (run, old) => {
        const keyed = sweep.inboxMs === null ? '' : `OR createdon < ${before(sweep.inboxMs)}`
        const { rows } = await run<{
          place: string
          id: string
        }>(`SELECT CAST(seq AS CHAR) AS place,
            id FROM ${queueJobs} FORCE INDEX (PRIMARY)
          WHERE seq IN (${old}) AND statusid + 0 IN (3, 4, 6)
            AND COALESCE(completedat, modifiedon) < ${before(sweep.olderThanMs)}
            AND (dedupekey IS NULL ${keyed})
          ORDER BY seq FOR UPDATE SKIP LOCKED`)
        if (rows.length === 0) return []
        const { rows: kept } = await run<{ jobid: string }>(`SELECT DISTINCT jobid
          FROM ${jobHistories} WHERE jobid IN (${list(rows.map(({ id }) => id))})`)
        const withHistory = new Set(kept.map(({ jobid }) => jobid))
        return rows.flatMap(({ place, id }) => (withHistory.has(id) ? [] : [place]))
      }),
  }
}
