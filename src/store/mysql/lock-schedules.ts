import type { ScheduleKey } from '../../ports/schedule-store.ts'
import type { Run } from './connect.ts'
import { list } from './text.ts'

/** A schedule's row under lock: its version, and the columns that were asked for. */
type Versioned<Row> = Row & {
  readonly id: string
  readonly nextrunat: string | null
  readonly modifiedon: string
}

/**
 * Locks schedules in the order of their ids, and gives those that are still what was read. What others
 * have locked is passed over. Walks the primary key; a locking read sees what was committed last.
 */
export async function lockSchedules<Row>(
  run: Run,
  keys: readonly ScheduleKey[],
  what: {
    readonly table: string
    /** Further columns. */
    readonly columns: readonly string[]
    /** A further condition. */
    readonly where: string
  },
): Promise<ReadonlyMap<string, Versioned<Row>>> {
  const columns = ['id', ...what.columns].join(', ')
  const { rows } = await run<Versioned<Row>>(`SELECT ${columns},
      CAST(nextrunat AS CHAR) AS nextrunat, CAST(modifiedon AS CHAR) AS modifiedon
    FROM ${what.table} FORCE INDEX (PRIMARY)
    WHERE id IN (${list(keys.map(({ id }) => id))}) AND ${what.where}
    ORDER BY id FOR UPDATE SKIP LOCKED`)
  const read = new Map(keys.map(({ id, version }) => [id, version]))
  return new Map(
    rows
      .filter(({ id, nextrunat, modifiedon }) => {
        const version = read.get(id)
        return nextrunat === version?.nextRunAt && modifiedon === version.modifiedOn
      })
      .map((row) => [row.id, row]),
  )
}
