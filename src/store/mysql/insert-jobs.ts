import type { NewJob } from '../../domain/job.ts'
import type { InsertOutcome, InsertRequest } from '../../ports/store.ts'
import { firstOfEachKey, insertUntilKnown, type FoundRow, type Unit } from '../insert-loop.ts'
import { columnValue, JOB_COLUMNS, type JobColumn } from '../job-columns.ts'
import { together, type Database, type Run } from './connect.ts'
import { DUPLICATE, errnoOf } from './errors.ts'
import { interval, list, literal, runInPackets } from './text.ts'

/** One key that is taken and freed all the time sends the whole group again. */
const REPEATS = 50

/**
 * Inserts whole groups; walks the unique indexes of queue_jobs only.
 *
 * A plain INSERT of all rows, which goes through as a whole or not at all. INSERT IGNORE would store
 * values that do not fit as others; ON DUPLICATE KEY UPDATE would run the triggers of rows that stand in
 * the way, and leaves unsaid which rows went in.
 */
export function makeInsertJobs(database: Database) {
  return async function insertJobs(
    request: InsertRequest,
    /** The handler's transaction that the jobs go into. */
    held?: Run,
  ): Promise<readonly InsertOutcome[]> {
    const run = held ?? database.run
    return await insertUntilKnown(request, {
      store: (units) => store(units, held),
      find: async (jobs) => (await run<FoundRow>(findText(database, jobs))).rows,
      repeats: REPEATS,
    })
  }

  async function store(units: readonly Unit[], held: Run | undefined): Promise<readonly string[]> {
    const sent = firstOfEachKey(units).flat()
    const rows = sent.map((job) => JOB_COLUMNS.map((column) => columnValue(column, job)))
    const maxBytes = await database.maxStatementBytes()
    try {
      if (held !== undefined) {
        const statement = insertParts(database, rows)
        await undoneTogether(held, (run) => runInPackets(run, maxBytes, statement))
      } else {
        // The text is megabytes: it is made once somebody is there to take it, not with every try of an
        // outage.
        await database.connected(async (run) => {
          const statement = insertParts(database, rows)
          const packets = (): Promise<void> => runInPackets(run, maxBytes, statement)
          await (inOnePacket(statement, maxBytes) ? packets() : together(run, packets))
        })
      }
    } catch (error) {
      if (errnoOf(error) === DUPLICATE) return []
      throw error
    }
    return sent.map((job) => job.id)
  }
}

/** In a transaction that goes on: what one packet has stored goes when another one fails. */
async function undoneTogether(run: Run, work: (run: Run) => Promise<void>): Promise<void> {
  await run('SAVEPOINT crossdock_insert')
  try {
    await work(run)
  } catch (error) {
    if (errnoOf(error) === DUPLICATE) await run('ROLLBACK TO SAVEPOINT crossdock_insert')
    throw error
  }
}

function inOnePacket(
  { head, parts }: { readonly head: string; readonly parts: readonly string[] },
  maxBytes: number,
): boolean {
  const bytes = parts.reduce((sum, part) => sum + Buffer.byteLength(part) + 1, head.length)
  return bytes <= maxBytes || parts.length === 1
}

/** Columns of which no job says anything are left out. */
function insertParts({ names }: Database, rows: readonly (readonly (string | number | null)[])[]) {
  const used = JOB_COLUMNS.map((column, index) => ({ column, index })).filter(({ index }) =>
    rows.some((row) => row[index] !== null),
  )
  const columns = used.map(({ column }) => column.name).join(', ')
  return {
    head: `INSERT INTO ${names.queueJobs} (${columns}) VALUES `,
    parts: rows.map(
      (row) => `(${used.map(({ column, index }) => expression(column, row[index])).join(',')})`,
    ),
    tail: '',
  }
}

function expression(column: JobColumn, value: string | number | null | undefined): string {
  if (value === null || value === undefined) return literal(column.preset ?? null)
  if (column.kind !== 'due' || typeof value === 'number') return literal(value)
  // The database's clock decides what is due: a delay is added here, not where the job was made.
  if (value.startsWith('+')) return `UTC_TIMESTAMP(6) + ${interval(Number(value.slice(1)))}`
  return literal(value.replace('T', ' ').replace('Z', ''))
}

function findText({ names }: Database, jobs: readonly NewJob[]): string {
  const part = (column: string, values: readonly string[]): string =>
    `SELECT id, dedupekey, uniquekey FROM ${names.queueJobs} WHERE ${column} IN (${list(values)})`
  return [
    part(
      'id',
      jobs.map((job) => job.id),
    ),
    part(
      'dedupekey',
      jobs.flatMap((job) => job.dedupeKey ?? []),
    ),
    part(
      'uniquekey',
      jobs.flatMap((job) => job.uniqueKey ?? []),
    ),
  ].join(' UNION ')
}
