import type { TurnKey } from '../../domain/turn.ts'
import type {
  DuePage,
  FiredTicks,
  NextTick,
  SchedulePlan,
  SchedulePosition,
  ScheduleStore,
  TickToFire,
} from '../../ports/schedule-store.ts'
import { NEVER, scheduleOf, timeText, type ScheduleRow } from '../schedule-rows.ts'
import type { Database } from './connect.ts'
import {
  clockStatement,
  dueStatement,
  fireStatement,
  overviewStatement,
  placeStatement,
  planStatement,
  reopenStatement,
  unplannedStatement,
} from './schedule-statements.ts'

const next = (tick: NextTick): string => (tick === 'never' ? NEVER : timeText(tick))

/** The schedules on PostgreSQL. */
export function makeSchedules(database: Database): ScheduleStore {
  const unplanned = unplannedStatement(database)
  const dueNow = dueStatement(database)
  const clock = clockStatement(database)
  const place = placeStatement(database)
  const fireAll = fireStatement(database)
  const planAll = planStatement(database)
  const reopenAll = reopenStatement(database)
  const overviewOf = overviewStatement(database)

  return {
    due: async ({ limit, after }): Promise<DuePage> => {
      const rows: ScheduleRow[] = []
      if (after === null || after.nextRunAt === null) {
        rows.push(...(await database.run<ScheduleRow>(unplanned, [after?.id ?? null, limit])).rows)
      }
      // The clock is read before what is due by it: no tick is due later than the answer says.
      const { rows: read } = await database.run<{ now: number; nextduein: number | null }>(
        clock,
        [],
      )
      if (rows.length < limit) {
        const { rows: found } = await database.run<ScheduleRow>(dueNow, [
          ...behind(after),
          limit - rows.length,
        ])
        rows.push(...found)
      }
      return {
        now: read[0]?.now ?? 0,
        nextDueInMs: read[0]?.nextduein ?? null,
        schedules: rows.map(scheduleOf),
      }
    },
    placeAhead: async ({ after, count }) => {
      const { rows } = await database.run<{ id: string; at: string }>(place, [
        ...behind(after),
        count - 1,
      ])
      const [row] = rows
      return row === undefined ? null : { id: row.id, nextRunAt: row.at }
    },
    fire: async (given: readonly TickToFire[]): Promise<FiredTicks> => {
      const ticks = inOrder(given)
      const jobs = ticks.flatMap((each) => each.jobs)
      const { rows } = await database.run<FiredRow>(fireAll, [
        ...keyArrays(ticks),
        ticks.map((each) => each.jobs.length),
        ticks.map((each) => next(each.next)),
        ticks.map(({ note }) => note ?? null),
        firstPlaces(ticks),
        jobs.map(({ tick }) => (tick === 'due' ? null : timeText(tick))),
        jobs.map(({ payload }) => payload ?? null),
        jobs.map(({ delayMs }) => delayMs ?? null),
      ])
      const row = rows[0]
      return {
        moved: row?.moved ?? [],
        jobs: row?.jobs ?? 0,
        queues: row?.queues ?? [],
        turns: row?.turns ?? [],
        overlapped: row?.overlapped ?? [],
      }
    },
    plan: async (given: readonly SchedulePlan[]) => {
      const plans = inOrder(given)
      const { rows } = await database.run<{ id: string }>(planAll, [
        ...keyArrays(plans),
        plans.map((each) => next(each.next)),
        plans.map(({ error }) => error),
      ])
      return rows.map(({ id }) => id)
    },
    reopen: async () => {
      await database.run(reopenAll, [])
    },
    overview: async ({ errors }) => {
      const { rows } = await database.run<{
        id: string | null
        name: string
        lasterror: string
        nextrunat: Date | null
      }>(overviewOf, [errors])
      return {
        nextRunAt: rows[0]?.nextrunat ?? null,
        inError: rows.flatMap(({ id, name, lasterror }) =>
          id === null ? [] : [{ id, name, lastError: lasterror }],
        ),
      }
    },
  }
}

/** A time and an id behind which the index goes on. */
function behind(after: SchedulePosition | null): readonly [string, string] {
  return after === null || after.nextRunAt === null
    ? ['-infinity', '']
    : [after.nextRunAt, after.id]
}

/** What the statement that fires gives; `null`: nothing of the kind. */
interface FiredRow {
  readonly moved: string[] | null
  readonly jobs: number
  readonly queues: string[] | null
  readonly overlapped: string[] | null
  readonly turns: TurnKey[] | null
}

/** In the order of their ids, in which rows are locked. */
function inOrder<Given extends Pick<TickToFire, 'schedule'>>(
  all: readonly Given[],
): readonly Given[] {
  return all.toSorted((a, b) => (a.schedule.id < b.schedule.id ? -1 : 1))
}

/** Where the jobs of each schedule begin among all, counted from 1. */
function firstPlaces(ticks: readonly TickToFire[]): readonly number[] {
  let place = 1
  return ticks.map(({ jobs }) => {
    const first = place
    place += jobs.length
    return first
  })
}

function keyArrays(all: readonly Pick<TickToFire, 'schedule'>[]): readonly unknown[][] {
  return [
    all.map(({ schedule }) => schedule.id),
    all.map(({ schedule }) => schedule.version.nextRunAt),
    all.map(({ schedule }) => schedule.version.modifiedOn),
  ]
}
