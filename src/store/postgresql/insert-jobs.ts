import type { NewJob } from '../../domain/job.ts'
import { JOB_TYPE } from '../../domain/job-type.ts'
import { CrossdockError } from '../../domain/errors.ts'
import type { InsertOutcome, InsertRequest } from '../../ports/store.ts'
import type { Database, Runner, Statement } from './connect.ts'

/** One column of the insert: its array's type, and the value of a job. `null` takes the default. */
interface Column {
  readonly name: string
  readonly type: string
  readonly expression?: string
  /** In characters. PostgreSQL cuts off spaces that are over, and two keys would be one. */
  readonly maxLength?: number
  readonly value: (job: NewJob) => string | number | null
}

const text = (value: string | undefined): string | null => value ?? null
const json = (value: object | undefined): string | null =>
  value === undefined ? null : JSON.stringify(value)
const time = (value: Date | undefined): string | null => {
  if (value === undefined) return null
  if (Number.isNaN(value.getTime())) throw refused('scheduledat', 'is not a time')
  return value.toISOString()
}

const COLUMNS: readonly Column[] = [
  { name: 'id', type: 'text', maxLength: 64, value: (job) => job.id },
  { name: 'handler', type: 'text', value: (job) => job.handler },
  {
    name: 'queue',
    type: 'text',
    expression: `coalesce(d.queue, 'default')`,
    value: (job) => text(job.queue),
  },
  { name: 'name', type: 'text', value: (job) => text(job.name) },
  { name: 'description', type: 'text', value: (job) => text(job.description) },
  {
    name: 'typeid',
    type: 'int',
    expression: 'coalesce(d.typeid, 2)',
    value: (job) => (job.type === undefined ? null : JOB_TYPE[job.type]),
  },
  { name: 'method', type: 'text', value: (job) => text(job.method) },
  { name: 'protocol', type: 'text', value: (job) => text(job.protocol) },
  {
    name: 'direction',
    type: 'text',
    expression: `coalesce(d.direction, 'internal')`,
    value: (job) => text(job.direction),
  },
  { name: 'metadata', type: 'jsonb', value: (job) => json(job.metadata) },
  { name: 'payload', type: 'text', value: (job) => text(job.payload) },
  { name: 'contenttype', type: 'text', value: (job) => text(job.contentType) },
  { name: 'payloadencoding', type: 'text', value: (job) => text(job.payloadEncoding) },
  { name: 'headers', type: 'jsonb', value: (job) => json(job.headers) },
  {
    name: 'priority',
    type: 'int',
    expression: 'coalesce(d.priority, 0)',
    value: (job) => job.priority ?? null,
  },
  { name: 'maxretries', type: 'int', value: (job) => job.maxRetries ?? null },
  { name: 'timeout', type: 'int', value: (job) => job.timeoutSeconds ?? null },
  {
    name: 'scheduledat',
    type: 'text',
    // The database's clock decides what is due: a delay is added here, not where the job was made.
    expression: `CASE WHEN d.scheduledat LIKE '+%'
      THEN clock_timestamp() + substr(d.scheduledat, 2)::double precision * interval '1 millisecond'
      ELSE d.scheduledat::timestamptz END`,
    value: (job) => (job.delayMs === undefined ? time(job.scheduledAt) : `+${job.delayMs}`),
  },
  { name: 'parentjobid', type: 'text', value: (job) => text(job.parentJobId) },
  { name: 'dedupekey', type: 'text', maxLength: 255, value: (job) => text(job.dedupeKey) },
  { name: 'uniquekey', type: 'text', maxLength: 255, value: (job) => text(job.uniqueKey) },
  { name: 'tenantid', type: 'text', value: (job) => text(job.tenantId) },
  { name: 'createdby', type: 'text', value: (job) => text(job.createdBy) },
  { name: 'traceparent', type: 'text', value: (job) => text(job.traceparent) },
  { name: 'correlationid', type: 'text', value: (job) => text(job.correlationId) },
  {
    name: 'statusid',
    type: 'int',
    expression: 'coalesce(d.statusid, 0)',
    value: (job) => (job.dead === undefined ? null : 4),
  },
  { name: 'deadreason', type: 'text', value: (job) => job.dead?.reason ?? null },
  { name: 'lasterror', type: 'text', value: (job) => job.dead?.error ?? null },
]

/** How often jobs are sent again whose key was freed between the insert and the look at it. */
const REPEATS = 5

/** A handler's transaction that the jobs go into. */
interface HeldTransaction {
  readonly runner: Runner
  /** What the transaction must still carry, or the jobs would stand without it. */
  readonly token: string
}

/** Inserts whole groups; walks the unique indexes of queue_jobs only. */
export function makeInsertJobs(database: Database) {
  const insert = insertStatement(database)
  const insertHeld = insertHeldStatement(database)
  const find = findStatement(database)

  return async function insertJobs(
    { jobs, again }: InsertRequest,
    held?: HeldTransaction,
  ): Promise<readonly InsertOutcome[]> {
    if (new Set(jobs.map((job) => job.id)).size < jobs.length) {
      throw new CrossdockError('database_constraint', 'two of the jobs have the same id')
    }
    const outcomes = new Map<string, InsertOutcome>()
    let missing = jobs
    for (let repeat = 0; missing.length > 0; repeat += 1) {
      if (repeat > REPEATS) {
        throw new CrossdockError(
          'database_retryable',
          'a key was taken and freed while inserting',
          {
            retryable: true,
          },
        )
      }
      for (const id of await store(missing, held))
        outcomes.set(id, { outcome: 'stored', jobId: id })
      missing = missing.filter((job) => !outcomes.has(job.id))
      if (missing.length === 0) break
      await explain(missing, again, outcomes, held)
      // The rows in the way of the others have gone since: the same insert goes through.
      missing = missing.filter((job) => !outcomes.has(job.id))
    }
    return jobs.flatMap((job) => outcomes.get(job.id) ?? [])
  }

  async function store(
    jobs: readonly NewJob[],
    held: HeldTransaction | undefined,
  ): Promise<readonly string[]> {
    const values = columnArrays(jobs)
    const { rows } =
      held === undefined
        ? await database.run<{ id: string }>(insert, values)
        : await database.run<{ id: string }>(insertHeld, [...values, held.token], held.runner)
    return rows.map((row) => row.id)
  }

  /** Which row stands in the way is read by key, never guessed from a count. */
  async function explain(
    missing: readonly NewJob[],
    again: boolean,
    outcomes: Map<string, InsertOutcome>,
    held: HeldTransaction | undefined,
  ): Promise<void> {
    const found = await database.run<FoundRow>(
      find,
      [
        missing.map((job) => job.id),
        missing.flatMap((job) => job.dedupeKey ?? []),
        missing.flatMap((job) => job.uniqueKey ?? []),
      ],
      held?.runner,
    )
    const byId = new Set(found.rows.map((row) => row.id))
    const byDedupeKey = new Map(found.rows.map((row) => [row.dedupekey, row.id]))
    const byUniqueKey = new Map(found.rows.map((row) => [row.uniquekey, row.id]))
    for (const job of missing) {
      if (byId.has(job.id)) {
        if (!again) {
          throw new CrossdockError(
            'database_constraint',
            `a job with the id '${job.id}' exists already`,
          )
        }
        outcomes.set(job.id, { outcome: 'stored', jobId: job.id })
        continue
      }
      const other =
        (job.dedupeKey === undefined ? undefined : byDedupeKey.get(job.dedupeKey)) ??
        (job.uniqueKey === undefined ? undefined : byUniqueKey.get(job.uniqueKey))
      if (other !== undefined) outcomes.set(job.id, { outcome: 'duplicate', jobId: other })
    }
  }
}

interface FoundRow {
  id: string
  dedupekey: string | null
  uniquekey: string | null
}

function insertStatement({ names }: Database): Statement {
  return { name: 'crossdock_insert', text: insertText(names, '') }
}

/**
 * The same inside a handler's transaction. Raises where that is gone: the rows would otherwise be
 * committed one by one, without the end of the execution that made them.
 */
function insertHeldStatement({ names }: Database): Statement {
  const guard = `WHERE ${names.mustHold}(1, $${COLUMNS.length + 1}::text) = 1`
  return { name: 'crossdock_insert_held', text: insertText(names, guard) }
}

function insertText(names: Database['names'], guard: string): string {
  const columns = COLUMNS.map((column) => column.name).join(', ')
  const values = COLUMNS.map((column) => column.expression ?? `d.${column.name}`).join(', ')
  const arrays = COLUMNS.map((column, index) => `$${index + 1}::${column.type}[]`).join(', ')
  return `INSERT INTO ${names.queueJobs} (${columns})
      SELECT ${values} FROM unnest(${arrays}) AS d(${columns}) ${guard}
      ON CONFLICT DO NOTHING RETURNING id`
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
  return COLUMNS.map((column) => {
    const values = jobs.map((job) => checked(column, column.value(job)))
    return values.every((value) => value === null) ? [] : values
  })
}

/** What would be stored as something else than it is. All other data PostgreSQL refuses itself. */
function checked(
  { name, maxLength }: Column,
  value: string | number | null,
): string | number | null {
  if (typeof value !== 'string') return value
  // UTF-8 has no lone surrogates: each would be stored as U+FFFD.
  if (!value.isWellFormed()) throw refused(name, 'has half of a surrogate pair')
  if (maxLength !== undefined && value.length > maxLength && [...value].length > maxLength) {
    throw refused(name, `is longer than ${maxLength} characters`)
  }
  return value
}

function refused(column: string, why: string): CrossdockError {
  return new CrossdockError('database_data', `the ${column} of a job ${why}`)
}
