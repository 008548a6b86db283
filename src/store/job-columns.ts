import { CrossdockError } from '../domain/errors.ts'
import type { NewJob } from '../domain/job.ts'
import { JOB_TYPE } from '../domain/job-type.ts'

/** One column of the insert. */
export interface JobColumn {
  readonly name: string
  /** `due`: a time in ISO form, or `+` and milliseconds from now by the database's clock. */
  readonly kind: 'text' | 'integer' | 'json' | 'due'
  /** In characters. Databases cut off spaces that are over, and two keys would be one. */
  readonly maxLength?: number
  /** What a job that says nothing gets, where that is not NULL; the table's own default. */
  readonly preset?: string | number
  /** `null`: the job says nothing. */
  readonly value: (job: NewJob) => string | number | null
}

const json = (value: object | undefined): string | null =>
  value === undefined ? null : JSON.stringify(value)
const due = (job: NewJob): string | null => {
  if (job.delayMs !== undefined) {
    if (!Number.isFinite(job.delayMs)) throw refused('scheduledat', 'is not a time')
    return `+${job.delayMs}`
  }
  if (job.scheduledAt === undefined) return null
  if (Number.isNaN(job.scheduledAt.getTime())) throw refused('scheduledat', 'is not a time')
  const iso = job.scheduledAt.toISOString()
  // Years of five digits begin with a sign, which stands for a delay here.
  if (/^[+-]/.test(iso)) throw refused('scheduledat', 'is out of range')
  return iso
}

/** The columns of `queue_jobs` that an insert fills. */
export const JOB_COLUMNS: readonly JobColumn[] = [
  { name: 'id', kind: 'text', maxLength: 64, value: (job) => job.id },
  { name: 'handler', kind: 'text', value: (job) => job.handler },
  { name: 'queue', kind: 'text', preset: 'default', value: (job) => job.queue ?? null },
  { name: 'name', kind: 'text', value: (job) => job.name ?? null },
  { name: 'description', kind: 'text', value: (job) => job.description ?? null },
  {
    name: 'typeid',
    kind: 'integer',
    preset: JOB_TYPE.manual,
    value: (job) => (job.type === undefined ? null : JOB_TYPE[job.type]),
  },
  { name: 'method', kind: 'text', value: (job) => job.method ?? null },
  { name: 'protocol', kind: 'text', value: (job) => job.protocol ?? null },
  { name: 'direction', kind: 'text', preset: 'internal', value: (job) => job.direction ?? null },
  { name: 'metadata', kind: 'json', value: (job) => json(job.metadata) },
  { name: 'payload', kind: 'text', value: (job) => job.payload ?? null },
  { name: 'contenttype', kind: 'text', value: (job) => job.contentType ?? null },
  { name: 'payloadencoding', kind: 'text', value: (job) => job.payloadEncoding ?? null },
  { name: 'headers', kind: 'json', value: (job) => json(job.headers) },
  { name: 'priority', kind: 'integer', preset: 0, value: (job) => job.priority ?? null },
  { name: 'maxretries', kind: 'integer', value: (job) => job.maxRetries ?? null },
  { name: 'timeout', kind: 'integer', value: (job) => job.timeoutSeconds ?? null },
  { name: 'scheduledat', kind: 'due', value: due },
  { name: 'parentjobid', kind: 'text', value: (job) => job.parentJobId ?? null },
  { name: 'dedupekey', kind: 'text', maxLength: 255, value: (job) => job.dedupeKey ?? null },
  { name: 'uniquekey', kind: 'text', maxLength: 255, value: (job) => job.uniqueKey ?? null },
  { name: 'orderingkey', kind: 'text', maxLength: 255, value: (job) => job.orderingKey ?? null },
  { name: 'tenantid', kind: 'text', maxLength: 255, value: (job) => job.tenantId ?? null },
  { name: 'createdby', kind: 'text', value: (job) => job.createdBy ?? null },
  { name: 'traceparent', kind: 'text', value: (job) => job.traceparent ?? null },
  { name: 'correlationid', kind: 'text', value: (job) => job.correlationId ?? null },
  {
    name: 'statusid',
    kind: 'integer',
    preset: 0,
    value: (job) => (job.dead === undefined ? null : 4),
  },
  { name: 'deadreason', kind: 'text', value: (job) => job.dead?.reason ?? null },
  { name: 'lasterror', kind: 'text', value: (job) => job.dead?.error ?? null },
]

/**
 * The value of a job's column. Refuses what a database would store as something else than it is; all
 * other data it refuses itself.
 * @throws CrossdockError `database_data`
 */
export function columnValue(column: JobColumn, job: NewJob): string | number | null {
  const value = column.value(job)
  if (typeof value === 'number') {
    // MySQL rounds.
    if (!Number.isInteger(value)) throw refused(column.name, 'is not an integer')
    if (value < -(2 ** 31) || value >= 2 ** 31) throw refused(column.name, 'is out of range')
    return value
  }
  if (value === null) return null
  const { name, maxLength } = column
  if (column.kind === 'json') checkJson(name, value)
  else checkText(name, value)
  if (maxLength !== undefined && value.length > maxLength && Array.from(value).length > maxLength) {
    throw refused(name, `is longer than ${maxLength} characters`)
  }
  return value
}

/**
 * Refuses text that no database of ours can store.
 * @throws CrossdockError `database_data`
 */
export function checkText(column: string, value: string): void {
  // UTF-8 has no lone surrogates: each would be stored as U+FFFD.
  if (!value.isWellFormed()) throw refused(column, 'has half of a surrogate pair')
  // PostgreSQL's text ends there; MySQL would keep it, and the two must not differ.
  if (value.includes('\0')) throw refused(column, 'has a NUL character')
}

/** The same in text that JSON.stringify made: what it escapes so was in a string or a name. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/

function checkJson(column: string, value: string): void {
  if (UNSTORABLE.test(value)) {
    throw refused(column, 'has a NUL character, or half of a surrogate pair')
  }
}

function refused(column: string, why: string): CrossdockError {
  return new CrossdockError('database_data', `the ${column} of a job ${why}`)
}
