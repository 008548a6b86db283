import type { FiredTicks, TickToFire } from '../../ports/schedule-store.ts'
import { NEVER, timeText } from '../schedule-rows.ts'
import type { Database, Run } from './connect.ts'
import { DUPLICATE, errnoOf } from './errors.ts'
import { lockSchedules, valueById } from './lock-schedules.ts'
import { list, literal, runInPackets } from './text.ts'

/** What a job takes from its schedule. */
const COPIED = [
  'name',
  'handler',
  'queue',
  'priority',
  'maxretries',
  'timeout',
  'payload',
  'tenantid',
  'createdby',
] as const

type CopiedRow = Readonly<Record<(typeof COPIED)[number], string | number | null>>

/** A tick whose schedule is locked. */
interface LockedTick {
  readonly id: string
  readonly tick: string
  readonly next: string
  readonly row: CopiedRow
}

/** How often a batch is made again when somebody else inserted the job of a tick in between. */
const REPEATS = 5

/** Fires ticks in one transaction; made again as a whole after a deadlock. */
export function makeFire(database: Database) {
  return async function fire(ticks: readonly TickToFire[]): Promise<FiredTicks> {
    for (let repeat = 0; ; repeat += 1) {
      try {
        return await database.transaction((run) => fireIn(run, database, ticks))
      } catch (error) {
        if (errnoOf(error) !== DUPLICATE || repeat === REPEATS) throw error
      }
    }
  }
}

async function fireIn(
  run: Run,
  database: Database,
  ticks: readonly TickToFire[],
): Promise<FiredTicks> {
  const { names } = database
  const rows = await lockSchedules<CopiedRow>(
    run,
    ticks.map(({ schedule }) => schedule),
    {
      table: names.jobs,
      columns: COPIED,
      where: 'enabled = 1 AND active = 1 AND (maxexecutions = 0 OR executioncount < maxexecutions)',
    },
  )
  const locked = ticks.flatMap(({ schedule: { id, version }, tick, next }): LockedTick[] => {
    const row = rows.get(id)
    const time = tick === 'due' ? version.nextRunAt : timeText(tick)
    if (row === undefined || time === null) return []
    return [{ id, row, tick: time, next: next === 'never' ? NEVER : timeText(next) }]
  })
  if (locked.length === 0) return { moved: [], jobs: 0, queues: [] }
  const existing = await withJob(run, names.queueJobs, locked)
  const missing = locked.filter(({ id }) => !existing.has(id))
  await runInPackets(run, await database.maxStatementBytes(), {
    head: `INSERT INTO ${names.queueJobs} (typeid, ${COPIED.join(', ')}, scheduledjobid, scheduledfor) VALUES `,
    parts: missing.map(
      ({ id, tick, row }) =>
        `(1, ${COPIED.map((column) => literal(row[column])).join(', ')}, ${literal(id)}, ${literal(tick)})`,
    ),
    tail: '',
  })
  const ids = locked.map(({ id }) => id)
  await run(`UPDATE ${names.jobs} SET
      nextrunat = ${valueById(
        ids,
        locked.map(({ next }) => next),
      )},
      lastrunat = UTC_TIMESTAMP(6), executioncount = executioncount + 1, lasterror = NULL,
      modifiedon = UTC_TIMESTAMP(6)
    WHERE id IN (${list(ids)})`)
  return {
    moved: ids,
    jobs: missing.length,
    queues: [...new Set(missing.map(({ row }) => String(row.queue)))],
  }
}

/**
 * The schedules whose tick has its job already. Walks queue_jobs_tick. Asked beforehand: INSERT IGNORE would
 * also store what does not fit.
 */
async function withJob(
  run: Run,
  queueJobs: string,
  ticks: readonly LockedTick[],
): Promise<ReadonlySet<string>> {
  const wanted = ticks.map(
    ({ id, tick }) => `(scheduledjobid = ${literal(id)} AND scheduledfor = ${literal(tick)})`,
  )
  const { rows } = await run<{ id: string }>(`SELECT scheduledjobid AS id
    FROM ${queueJobs} FORCE INDEX (queue_jobs_tick) WHERE ${wanted.join(' OR ')}`)
  return new Set(rows.map(({ id }) => id))
}
