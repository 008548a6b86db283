import { turnOf } from '../../domain/turn.ts'
import type { FiredTicks, TickJob, TickToFire } from '../../ports/schedule-store.ts'
import { LANE_PREFIX, NEVER, timeText } from '../schedule-rows.ts'
import type { Database, Run } from './connect.ts'
import { DUPLICATE, errnoOf } from './errors.ts'
import { lockSchedules } from './lock-schedules.ts'
import { overlappedSchedules } from './overlap.ts'
import { interval, jsonParts, list, literal, runInPackets } from './text.ts'

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

/** What decides how it fires. */
const DECIDING = ['overlappolicy', 'maxexecutions', 'executioncount'] as const

type FiredRow = Readonly<Record<(typeof COPIED)[number], string | number | null>> & {
  readonly overlappolicy: string
  readonly maxexecutions: number
  readonly executioncount: number
}

/** Ticks whose schedule is locked. */
interface LockedTicks {
  readonly id: string
  readonly row: FiredRow
  readonly jobs: readonly (TickJob & { readonly time: string })[]
  readonly next: string
  readonly note: string | null
}

/** How often a batch is made again when somebody else inserted the job of a tick in between. */
const REPEATS = 5

/**
 * Fires ticks in one transaction; made again as a whole after a deadlock. Hardly a tick has its job already: only where
 * one does is it asked which.
 */
export function makeFire(database: Database) {
  return async function fire(ticks: readonly TickToFire[]): Promise<FiredTicks> {
    for (let repeat = 0; ; repeat += 1) {
      try {
        return await database.transaction((run) => fireIn(run, database, ticks, repeat > 0))
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
  mayHaveJobs: boolean,
): Promise<FiredTicks> {
  const { names } = database
  const locked = await lockTicks(run, names.jobs, ticks)
  if (locked.length === 0) return { moved: [], jobs: 0, queues: [], turns: [], overlapped: [] }
  const overlapped = await overlappedSchedules(
    run,
    names,
    locked.map(({ id, row }) => ({ id, policy: row.overlappolicy })),
  )
  const firing = locked.filter(({ id }) => !overlapped.has(id))
  const existing = mayHaveJobs ? await withJob(run, names.queueJobs, firing) : new Set()
  const made = firing.flatMap(({ id, row, jobs }) =>
    jobs.flatMap((job) => (existing.has(tickName(id, job.time)) ? [] : [{ id, row, job }])),
  )
  await runInPackets(run, await database.maxStatementBytes(), {
    head: `INSERT INTO ${names.queueJobs} (typeid, ${COPIED.join(', ')}, orderingkey, scheduledjobid,
      scheduledfor, scheduledat) VALUES `,
    parts: made.map(({ id, row, job }) => {
      const copied = { ...row, payload: job.payload ?? row.payload }
      const values = COPIED.map((column) => literal(copied[column]))
      const delay =
        job.delayMs === undefined ? 'NULL' : `UTC_TIMESTAMP(6) + ${interval(job.delayMs)}`
      const place = [laneOf(id, row), id, job.time].map(literal)
      return `(1, ${values.join(', ')}, ${place.join(', ')}, ${delay})`
    }),
    tail: '',
  })
  await moveOn(run, names.jobs, locked, overlapped)
  return {
    moved: locked.map(({ id }) => id),
    jobs: made.length,
    queues: [...new Set(made.map(({ row }) => String(row.queue)))],
    turns: made.flatMap(({ id, row }) =>
      turnOf({
        tenantId: row.tenantid === null ? null : String(row.tenantid),
        orderingKey: laneOf(id, row),
      }),
    ),
    overlapped: [...overlapped],
  }
}

function laneOf(id: string, { overlappolicy }: FiredRow): string | null {
  return overlappolicy === 'queue' ? LANE_PREFIX + id : null
}

async function lockTicks(
  run: Run,
  table: string,
  ticks: readonly TickToFire[],
): Promise<readonly LockedTicks[]> {
  const rows = await lockSchedules<FiredRow>(
    run,
    ticks.map(({ schedule }) => schedule),
    { table, columns: [...COPIED, ...DECIDING], where: 'enabled = 1 AND active = 1' },
  )
  return ticks.flatMap(({ schedule: { id, version }, jobs, next, note }): LockedTicks[] => {
    const row = rows.get(id)
    if (row === undefined) return []
    if (row.maxexecutions !== 0 && row.executioncount + jobs.length > row.maxexecutions) return []
    const timed = jobs.flatMap((job) => {
      const time = job.tick === 'due' ? version.nextRunAt : exactly(timeText(job.tick))
      return time === null ? [] : [{ ...job, time }]
    })
    if (timed.length === 0) return []
    const nextTime = next === 'never' ? NEVER : timeText(next)
    return [{ id, row, jobs: timed, next: nextTime, note: note ?? null }]
  })
}

/** With all six digits, as the server writes a time: two texts of one time are then the same. */
function exactly(text: string): string {
  return `${text}000`
}

function tickName(id: string, time: string): string {
  return JSON.stringify([id, time])
}

/**
 * The values come as one JSON text. Chosen by `ELT(FIELD(…))` the statement took a fifth to a third longer, and it
 * grew with the square of the batch. Walks the primary key.
 */
async function moveOn(
  run: Run,
  jobs: string,
  locked: readonly LockedTicks[],
  overlapped: ReadonlySet<string>,
): Promise<void> {
  const moves = locked.map(({ id, row, jobs: made, next, note }) => {
    const fired = overlapped.has(id) ? 0 : made.length
    const isSpent = row.maxexecutions > 0 && row.executioncount + fired >= row.maxexecutions
    return { i: id, t: isSpent ? NEVER : next, f: fired, n: note }
  })
  await run(`UPDATE JSON_TABLE('[${jsonParts(moves).join(',')}]', '$[*]' COLUMNS (
      id varchar(64) CHARACTER SET utf8mb4 PATH '$.i', next varchar(30) CHARACTER SET utf8mb4 PATH '$.t',
      fired int PATH '$.f', note longtext CHARACTER SET utf8mb4 PATH '$.n'
    )) d
    STRAIGHT_JOIN ${jobs} s FORCE INDEX (PRIMARY) ON s.id = d.id
    SET s.nextrunat = d.next,
      s.lastrunat = IF(d.fired > 0, UTC_TIMESTAMP(6), s.lastrunat),
      s.executioncount = LEAST(CAST(s.executioncount AS SIGNED) + d.fired, 2147483647),
      s.lasterror = d.note,
      s.modifiedon = UTC_TIMESTAMP(6)`)
}

/**
 * The ticks that have their job already. Walks queue_jobs_tick. Asked beforehand: INSERT IGNORE would
 * also store what does not fit.
 */
async function withJob(
  run: Run,
  queueJobs: string,
  firing: readonly LockedTicks[],
): Promise<ReadonlySet<string>> {
  if (firing.length === 0) return new Set()
  const wanted = firing.map(
    ({ id, jobs }) =>
      `(scheduledjobid = ${literal(id)} AND scheduledfor IN (${list(jobs.map(({ time }) => time))}))`,
  )
  const { rows } = await run<{ id: string; time: string }>(`SELECT scheduledjobid AS id,
      CAST(scheduledfor AS CHAR) AS time
    FROM ${queueJobs} FORCE INDEX (queue_jobs_tick) WHERE ${wanted.join(' OR ')}`)
  return new Set(rows.map(({ id, time }) => tickName(id, time)))
}
