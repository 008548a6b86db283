import type { DueSchedule, TickToFire } from '../../../src/ports/schedule-store.ts'
import type { Store } from '../../../src/ports/store.ts'
import type { Row, TargetDatabase } from './target.ts'

/** Inserts a schedule by plain SQL: a cron expression of every hour, unless told otherwise. */
export async function insertSchedule(
  database: TargetDatabase,
  id: string,
  columns: Row = {},
): Promise<void> {
  const when = 'intervalseconds' in columns ? {} : { cronexpression: '0 * * * *' }
  const row: Row = { id, name: `name of ${id}`, handler: 'test.handler', ...when, ...columns }
  const names = Object.keys(row)
  await database.sql(
    `INSERT INTO jobs (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
    Object.values(row),
  )
}

/** The row of a schedule. */
export async function scheduleRow(database: TargetDatabase, id: string): Promise<Row> {
  const [row] = await database.sql('SELECT * FROM jobs WHERE id = ?', [id])
  if (row === undefined) throw new Error(`no schedule ${id}`)
  return row
}

/** Everything that is to be looked at. */
export async function allDue(store: Store): Promise<readonly DueSchedule[]> {
  return (await store.schedules.due({ limit: 1_000, after: null })).schedules
}

/** One schedule that is to be looked at. */
export async function dueOne(store: Store, id: string): Promise<DueSchedule> {
  const found = (await allDue(store)).find((schedule) => schedule.id === id)
  if (found === undefined) throw new Error(`${id} is not due`)
  return found
}

/** The due tick of a schedule, with `next` after it. */
export function tickOf(
  schedule: DueSchedule,
  next: TickToFire['next'] = 'never',
  tick: number | 'due' = 'due',
): TickToFire {
  return { schedule, jobs: [{ tick }], next }
}
