import type pg from 'pg'
import type { Touched, TouchedTable } from '../../ports/rehearsal.ts'

/** The server's counters of this connection's tables. */
export interface RowCounts {
  /** Whether the server counts at all (`track_counts`). */
  readonly counted: boolean
  /** By the table's number: a handler may change what its name looks like, by `search_path`. */
  readonly tables: ReadonlyMap<number, TouchedTable>
}

interface CountRow {
  readonly counted: boolean
  /** `null`: no table was touched. */
  readonly relid: number | null
  readonly name: string
  readonly inserted: string
  readonly updated: string
  readonly deleted: string
}

/**
 * The rows counted in the view are this transaction's and those of earlier ones whose counts the server has
 * not handed on yet, which it does once a second: only a difference says what one transaction did. Reads the
 * counters of the tables of this connection alone; no table is touched.
 */
const COUNTS = `SELECT current_setting('track_counts') = 'on' AS counted, t.relid, t.relid::regclass::text AS name,
    coalesce(t.n_tup_ins, 0) AS inserted, coalesce(t.n_tup_upd, 0) AS updated, coalesce(t.n_tup_del, 0) AS deleted
  FROM (VALUES (1)) one LEFT JOIN pg_catalog.pg_stat_xact_user_tables t
    ON t.n_tup_ins + t.n_tup_upd + t.n_tup_del > 0 AND t.schemaname NOT LIKE 'pg_temp%'`

/** Reads the counters, inside a transaction. */
export async function countRows(client: pg.ClientBase): Promise<RowCounts> {
  const { rows } = await client.query<CountRow>(COUNTS)
  return {
    counted: rows[0]?.counted === true,
    tables: new Map(
      rows.flatMap(({ relid, name, inserted, updated, deleted }) =>
        relid === null
          ? []
          : [[relid, { table: name, ...numbers({ inserted, updated, deleted }) }] as const],
      ),
    ),
  }
}

function numbers(counts: Pick<CountRow, 'inserted' | 'updated' | 'deleted'>) {
  return {
    inserted: Number(counts.inserted),
    updated: Number(counts.updated),
    deleted: Number(counts.deleted),
  }
}

/** What was done between two readings; `undefined` where the server does not count. */
export function touchedBetween(before: RowCounts, after: RowCounts): Touched | undefined {
  if (!before.counted || !after.counted) return undefined
  const tables = [...after.tables].map(([relid, now]) => {
    const then = before.tables.get(relid)
    return {
      table: now.table,
      inserted: now.inserted - (then?.inserted ?? 0),
      updated: now.updated - (then?.updated ?? 0),
      deleted: now.deleted - (then?.deleted ?? 0),
    }
  })
  return {
    tables: tables
      .filter(({ inserted, updated, deleted }) => inserted + updated + deleted > 0)
      .sort((one, other) => (one.table < other.table ? -1 : 1)),
    complete: true,
  }
}
