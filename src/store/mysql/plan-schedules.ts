import type { SchedulePlan } from '../../ports/schedule-store.ts'
import { NEVER, timeText } from '../schedule-rows.ts'
import type { Database } from './connect.ts'
import { lockSchedules } from './lock-schedules.ts'
import { jsonParts } from './text.ts'

/** Writes next ticks and errors in one transaction; made again as a whole after a deadlock. */
export function makePlan(database: Database) {
  const { jobs } = database.names
  return async function plan(plans: readonly SchedulePlan[]): Promise<readonly string[]> {
    return await database.transaction(async (run) => {
      const rows = await lockSchedules(
        run,
        plans.map(({ schedule }) => schedule),
        { table: jobs, columns: [], where: 'true' },
      )
      const written = plans.filter(({ schedule }) => rows.has(schedule.id))
      if (written.length === 0) return []
      const given = written.map(({ schedule, next, error }) => ({
        i: schedule.id,
        t: next === 'never' ? NEVER : timeText(next),
        e: error,
      }))
      await run(`UPDATE JSON_TABLE('[${jsonParts(given).join(',')}]', '$[*]' COLUMNS (
          id varchar(64) CHARACTER SET utf8mb4 PATH '$.i', next varchar(30) CHARACTER SET utf8mb4 PATH '$.t',
          error longtext CHARACTER SET utf8mb4 PATH '$.e'
        )) d
        STRAIGHT_JOIN ${jobs} s FORCE INDEX (PRIMARY) ON s.id = d.id
        SET s.nextrunat = d.next, s.lasterror = d.error, s.modifiedon = UTC_TIMESTAMP(6)`)
      return written.map(({ schedule }) => schedule.id)
    })
  }
}
