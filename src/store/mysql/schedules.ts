import type { DuePage, SchedulePosition, ScheduleStore } from '../../ports/schedule-store.ts'
import { NEVER, scheduleColumns, scheduleOf, type ScheduleRow } from '../schedule-rows.ts'
import type { Database } from './connect.ts'
import { makeFire } from './fire-schedules.ts'
import { makePlan } from './plan-schedules.ts'
import { list, literal } from './text.ts'

const microseconds = (column: string): string =>
  `TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', ${column})`

const COLUMNS = scheduleColumns({
  text: (column) => `CAST(${column} AS CHAR)`,
  floorMs: (column) => `FLOOR(${microseconds(column)} / 1000)`,
  ceilMs: (column) => `CEIL(${microseconds(column)} / 1000)`,
  quote: (column) => `\`${column}\``,
})

/** Where the index goes on behind a place. */
function behindPlace({ nextRunAt, id }: SchedulePosition): string {
  if (nextRunAt === null) return ''
  const time = literal(nextRunAt)
  return `AND nextrunat >= ${time} AND (nextrunat > ${time} OR id > ${literal(id)})`
}

/** Schedules of one transaction that are reopened. */
const REOPENED = 1_000

/** The schedules on MySQL and MariaDB. */
export function makeSchedules(database: Database): ScheduleStore {
  const { jobs } = database.names

  /** Those whose next tick is to be computed, behind an id. Walks jobs_due, which ends with the id. */
  async function unplanned(
    after: string | undefined,
    limit: number,
  ): Promise<readonly ScheduleRow[]> {
    const behind = after === undefined ? '' : `AND id > ${literal(after)}`
    const { rows } = await database.run<ScheduleRow>(`SELECT ${COLUMNS}
      FROM ${jobs} s FORCE INDEX (jobs_due)
      WHERE enabled = 1 AND active = 1 AND nextrunat IS NULL ${behind}
      ORDER BY s.id LIMIT ${limit}`)
    return rows
  }

  /**
   * Those that are due, the earliest first, behind a place. Walks jobs_due. `s.nextrunat` is the column;
   * without the `s` it is the text that is given.
   */
  async function dueNow(
    after: SchedulePosition | undefined,
    limit: number,
  ): Promise<readonly ScheduleRow[]> {
    const behind = after === undefined ? '' : behindPlace(after)
    const { rows } = await database.run<ScheduleRow>(`SELECT ${COLUMNS}
      FROM ${jobs} s FORCE INDEX (jobs_due)
      WHERE enabled = 1 AND active = 1 AND nextrunat <= UTC_TIMESTAMP(6) ${behind}
      ORDER BY s.nextrunat, s.id LIMIT ${limit}`)
    return rows
  }

  /** The database's clock, and the first tick to come. Walks jobs_due. */
  async function readClock(): Promise<{
    readonly now: number
    readonly nextDueInMs: number | null
  }> {
    const { rows } = await database.run<{ now: string; duein: string | null }>(`SELECT
        FLOOR(${microseconds('UTC_TIMESTAMP(6)')} / 1000) AS now,
        (SELECT TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), nextrunat)
          FROM ${jobs} FORCE INDEX (jobs_due)
          WHERE enabled = 1 AND active = 1 AND nextrunat > UTC_TIMESTAMP(6) AND nextrunat < '${NEVER}'
          ORDER BY nextrunat LIMIT 1) AS duein`)
    const row = rows[0]
    return {
      now: Number(row?.now ?? 0),
      nextDueInMs: typeof row?.duein === 'string' ? Number(row.duein) / 1000 : null,
    }
  }

  return {
    due: async ({ limit, after }): Promise<DuePage> => {
      const rows: ScheduleRow[] = []
      const place =
        after === null || after.nextRunAt === null
          ? undefined
          : { id: after.id, nextRunAt: after.nextRunAt }
      if (place === undefined) rows.push(...(await unplanned(after?.id, limit)))
      // The clock is read before what is due by it: no tick is due later than the answer says.
      const { now, nextDueInMs } = await readClock()
      if (rows.length < limit) rows.push(...(await dueNow(place, limit - rows.length)))
      return { now, nextDueInMs, schedules: rows.map(scheduleOf) }
    },
    placeAhead: async ({ after, count }) => {
      const { rows } = await database.run<{ id: string; at: string }>(`SELECT id,
          CAST(nextrunat AS CHAR) AS at FROM ${jobs} FORCE INDEX (jobs_due)
        WHERE enabled = 1 AND active = 1 AND nextrunat <= UTC_TIMESTAMP(6) ${behindPlace(after)}
        ORDER BY nextrunat, id LIMIT 1 OFFSET ${count - 1}`)
      const [row] = rows
      return row === undefined ? null : { id: row.id, nextRunAt: row.at }
    },
    fire: makeFire(database),
    plan: makePlan(database),
    reopen: async () => {
      for (let count = REOPENED; count === REOPENED;) {
        count = await database.transaction(async (run) => {
          const { rows } = await run<{ id: string }>(`SELECT id FROM ${jobs} FORCE INDEX (jobs_due)
            WHERE enabled = 1 AND active = 1 AND nextrunat = '${NEVER}' AND lasterror IS NOT NULL
            ORDER BY id LIMIT ${REOPENED} FOR UPDATE SKIP LOCKED`)
          if (rows.length === 0) return 0
          await run(`UPDATE ${jobs} SET nextrunat = NULL, modifiedon = UTC_TIMESTAMP(6)
            WHERE id IN (${list(rows.map(({ id }) => id))})`)
          return rows.length
        })
      }
    },
    overview: async ({ errors }) => {
      const first = await database.run<{ at: string | null }>(`SELECT
          FLOOR(${microseconds('nextrunat')} / 1000) AS at FROM ${jobs} FORCE INDEX (jobs_due)
        WHERE enabled = 1 AND active = 1 AND nextrunat < '${NEVER}' ORDER BY nextrunat LIMIT 1`)
      const { rows } = await database.run<{ id: string; name: string; lasterror: string }>(`SELECT
          id, name, lasterror FROM ${jobs} FORCE INDEX (jobs_in_error)
        WHERE enabled = 1 AND active = 1 AND lasterror > ''
        ORDER BY nextrunat DESC, id LIMIT ${errors}`)
      const at = first.rows[0]?.at
      return {
        nextRunAt: typeof at === 'string' ? new Date(Number(at)) : null,
        inError: rows.map(({ id, name, lasterror }) => ({ id, name, lastError: lasterror })),
      }
    },
  }
}
