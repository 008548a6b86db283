import type { SchedulePlan } from '../../ports/schedule-store.ts'
import { NEVER, timeText } from '../schedule-rows.ts'
import type { Database } from './connect.ts'
import { lockSchedules, valueById } from './lock-schedules.ts'
import { list } from './text.ts'

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
      const ids = written.map(({ schedule }) => schedule.id)
      if (ids.length === 0) return []
      const times = written.map(({ next }) => (next === 'never' ? NEVER : timeText(next)))
      const errors = written.map(({ error }) => error)
      await run(`UPDATE ${jobs} SET nextrunat = ${valueById(ids, times)},
          lasterror = NULLIF(${valueById(ids, errors)}, ''), modifiedon = UTC_TIMESTAMP(6)
        WHERE id IN (${list(ids)})`)
      return ids
    })
  }
}
