import { CrossdockError, isCrossdockError } from '../../domain/errors.ts'
import type { NewJob } from '../../domain/job.ts'
import type { InsertOutcome, InsertRequest } from '../../ports/store.ts'
import { firstOfEachKey, insertUntilKnown, type FoundRow, type Unit } from '../insert-loop.ts'
import { columnValue, JOB_COLUMNS, type JobColumn } from '../job-columns.ts'
import { arrayParameter } from './array-parameter.ts'
import type { Database, Runner, Statement } from './connect.ts'

/** Each kind of column by the type of its array. */
const TYPES = { text: 'text', integer: 'int', json: 'jsonb', due: 'text' } as const

/**
 * How often jobs are sent again whose key was freed between the insert and the look at it; and messages of
 * several rows, of which one key that is taken sends the whole group again.
 */
const REPEATS = 50

/**
 * Groups from so many rows on are inserted without ON CONFLICT first, which looks into every unique index before it writes:
 * the server then needs 18 ms for 1,000 rows from Kafka instead of 24. Where a key is taken the whole group fails, and the
 * server logs that; so after one of those as many groups as this are inserted with it.
 */
const PLAIN_FROM_ROWS = 100
const GROUPS_WITH_CARE = 100

/** A key is taken. */
const UNIQUE_VIOLATION = '23505'

/** A transaction that the jobs go into. */
interface HeldTransaction {
  readonly runner: Runner
  /** What a handler's transaction must still carry, or the jobs would stand without it. Left out: it is ours. */
  readonly token?: string
}

/** Inserts whole groups; walks the unique indexes of queue_jobs only. */
export function makeInsertJobs(database: Database) {
  const insert = insertStatement(database)
  const insertHeld = insertHeldStatement(database)
  const insertWhole = insertWholeStatement(database)
  const find = findStatement(database)
  let groupsWithCare = 0

  return async function insertJobs(
    request: InsertRequest,
    held?: HeldTransaction,
  ): Promise<readonly InsertOutcome[]> {
    return await insertUntilKnown(request, {
      store: (units) =>
        units.some((unit) => unit.length > 1)
          ? storeWhole(units, held)
          : storeEach(units.flat(), held, request.again),
      find: (jobs) => findTaken(jobs, held),
      repeats: REPEATS,
    })
  }

  async function storeEach(
    jobs: readonly NewJob[],
    held: HeldTransaction | undefined,
    again: boolean,
  ): Promise<readonly string[]> {
    if (held !== undefined || again || jobs.length < PLAIN_FROM_ROWS) return await store(jobs, held)
    if (groupsWithCare > 0) groupsWithCare -= 1
    else {
      const ids = await storeAll(jobs)
      if (ids.length > 0) return ids
      groupsWithCare = GROUPS_WITH_CARE
    }
    return await store(jobs, held)
  }

  async function store(
    jobs: readonly NewJob[],
    held: HeldTransaction | undefined,
  ): Promise<readonly string[]> {
    const values = columnArrays(jobs)
    const { rows } =
      held?.token === undefined
        ? await database.run<{ id: string }>(insert, values, held?.runner)
        : await database.run<{ id: string }>(insertHeld, [...values, held.token], held.runner)
    return rows.map((row) => row.id)
  }

  /**
   * All of them or none, for groups in which several rows are one message: ON CONFLICT DO NOTHING would leave
   * half of a message behind. Its callers outside of a transaction alone use it: the error would end one.
   */
  async function storeWhole(
    units: readonly Unit[],
    held: HeldTransaction | undefined,
  ): Promise<readonly string[]> {
    if (held !== undefined) {
      throw new CrossdockError('usage', 'units are not stored in the transaction of a handler')
    }
    return await storeAll(firstOfEachKey(units).flat())
  }

  /** None of them where a key is taken. */
  async function storeAll(jobs: readonly NewJob[]): Promise<readonly string[]> {
    try {
      const { rows } = await database.run<{ id: string }>(insertWhole, columnArrays(jobs))
      return rows.map((row) => row.id)
    } catch (error) {
      const isTaken =
        isCrossdockError(error, 'database_constraint') &&
        error.details['sqlstate'] === UNIQUE_VIOLATION
      if (isTaken) return []
      throw error
    }
  }

  async function findTaken(
    jobs: readonly NewJob[],
    held: HeldTransaction | undefined,
  ): Promise<readonly FoundRow[]> {
    const values = [
      jobs.map((job) => job.id),
      jobs.flatMap((job) => job.dedupeKey ?? []),
      jobs.flatMap((job) => job.uniqueKey ?? []),
    ]
    return (await database.run<FoundRow>(find, values, held?.runner)).rows
  }
}

function insertStatement({ names }: Database): Statement {
  return { name: 'crossdock_insert', text: insertText(names, '') }
}

/** The same, which goes through as a whole or not at all. */
function insertWholeStatement({ names }: Database): Statement {
  return { name: 'crossdock_insert_whole', text: insertText(names, '', 'RETURNING id') }
}

/**
 * The same inside a handler's transaction. Raises where that is gone: the rows would otherwise be
 * committed one by one, without the end of the execution that made them.
 */
function insertHeldStatement({ names }: Database): Statement {
  const guard = `WHERE ${names.mustHold}(1, $${JOB_COLUMNS.length + 1}::text) = 1`
  return { name: 'crossdock_insert_held', text: insertText(names, guard) }
}

function insertText(
  names: Database['names'],
  guard: string,
  ending = 'ON CONFLICT DO NOTHING RETURNING id',
): string {
  const columns = JOB_COLUMNS.map((column) => column.name).join(', ')
  const values = JOB_COLUMNS.map(expression).join(', ')
  const arrays = JOB_COLUMNS.map(({ kind }, index) => `$${index + 1}::${TYPES[kind]}[]`).join(', ')
  return `INSERT INTO ${names.queueJobs} (${columns})
      SELECT ${values} FROM unnest(${arrays}) AS d(${columns}) ${guard}
      ${ending}`
}

function expression({ name, kind, preset }: JobColumn): string {
  // The database's clock decides what is due: a delay is added here, not where the job was made.
  if (kind === 'due') {
    return `CASE WHEN d.${name} LIKE '+%'
      THEN clock_timestamp() + substr(d.${name}, 2)::double precision * interval '1 millisecond'
      ELSE d.${name}::timestamptz END`
  }
  if (preset === undefined) return `d.${name}`
  return `coalesce(d.${name}, ${typeof preset === 'number' ? preset : `'${preset}'`})`
}

function findStatement({ names }: Database): Statement {
  return {
    name: 'crossdock_insert_find',
    text: `SELECT id, dedupekey, uniquekey FROM ${names.queueJobs} WHERE id = ANY($1::text[])
      UNION SELECT id, dedupekey, uniquekey FROM ${names.queueJobs}
        WHERE dedupekey IS NOT NULL AND dedupekey = ANY($2::text[])
      UNION SELECT id, dedupekey, uniquekey FROM ${names.queueJobs}
        WHERE uniquekey IS NOT NULL AND uniquekey = ANY($3::text[])`,
  }
}

/**
 * One array a column. Where no job has a value the array is empty: unnest pads it with NULL, and
 * nothing is sent or parsed for it.
 */
function columnArrays(jobs: readonly NewJob[]): unknown[] {
  return JOB_COLUMNS.map((column) => {
    const values = jobs.map((job) => columnValue(column, job))
    return values.every((value) => value === null) ? [] : arrayParameter(TYPES[column.kind], values)
  })
}
