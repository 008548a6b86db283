import { STATUS } from '../../domain/status.ts'
import type { Ended, Written } from '../endings.ts'
import type { Database } from './connect.ts'
import { interval, jsonParts, literal } from './text.ts'

/** An ending that is to be written: its row is locked, and its execution was still the caller's. */
export interface LockedEnd {
  readonly seq: string
  readonly ended: Ended
  readonly writes: Written
}

/** What an ending gives to its row, each as an expression of SQL. */
interface EndExpressions {
  readonly statusid: string
  readonly result: string
  readonly error: string
  readonly deadreason: string
  /** In microseconds, as `duration`. */
  readonly delay: string
  readonly retried: string
  readonly lowered: string
  readonly duration: string
  readonly recovered: string
}

/** No assignment reads a column that another one writes: in an UPDATE of a join their order is not promised. */
function assignments(d: EndExpressions): string {
  return `j.statusid = ${d.statusid},
        j.leaseepoch = j.leaseepoch + 1,
        j.lockedby = NULL,
        j.leaseexpiresat = NULL,
        j.startedat = CASE WHEN ${d.duration} IS NULL THEN j.startedat
          ELSE UTC_TIMESTAMP(6) - INTERVAL ${d.duration} MICROSECOND END,
        j.completedat = CASE WHEN ${d.duration} IS NULL THEN j.completedat ELSE UTC_TIMESTAMP(6) END,
        j.result = CASE WHEN ${d.statusid} = 3 THEN ${d.result} ELSE j.result END,
        j.lasterror = COALESCE(${d.error}, j.lasterror),
        j.deadreason = ${d.deadreason},
        j.scheduledat = CASE WHEN ${d.delay} IS NULL THEN j.scheduledat
          ELSE UTC_TIMESTAMP(6) + INTERVAL ${d.delay} MICROSECOND END,
        j.retrycount = j.retrycount + ${d.retried},
        j.priority = GREATEST(j.priority - ${d.lowered}, -2147483647),
        j.progress = CASE WHEN ${d.statusid} = 3 THEN j.progresstotal WHEN ${d.retried} = 1 THEN 0
          ELSE j.progress END,
        j.recoveries = CASE WHEN ${d.recovered} = 1 THEN j.recoveries + 1
          WHEN ${d.duration} IS NULL THEN j.recoveries ELSE 0 END,
        j.modifiedon = UTC_TIMESTAMP(6)`
}

/**
 * Walks the primary key. The values come as one JSON text: CASE for each column grew with the square of
 * the group.
 */
export function endRows({ names }: Database, ends: readonly LockedEnd[]) {
  return {
    head: `UPDATE JSON_TABLE('[`,
    parts: jsonParts(
      ends.map(({ seq, ended, writes }) => ({
        q: seq,
        s: writes.status,
        r: writes.result,
        e: writes.error,
        d: writes.deadReason,
        w: microseconds(writes.delayMs),
        n: writes.retried,
        l: writes.lowered,
        u: microseconds(ended.durationMs),
        t: ended.recovered === true ? 1 : 0,
      })),
    ),
    tail: `]', '$[*]' COLUMNS (
        seq bigint PATH '$.q', statusid int PATH '$.s', result longtext CHARACTER SET utf8mb4 PATH '$.r',
        error longtext CHARACTER SET utf8mb4 PATH '$.e', deadreason varchar(255) CHARACTER SET utf8mb4 PATH '$.d', delay bigint PATH '$.w',
        retried int PATH '$.n', lowered int PATH '$.l', duration bigint PATH '$.u', recovered int PATH '$.t'
      )) d
      STRAIGHT_JOIN ${names.queueJobs} j FORCE INDEX (PRIMARY) ON j.seq = d.seq
      SET ${assignments({
        statusid: 'd.statusid',
        result: 'd.result',
        error: 'd.error',
        deadreason: 'd.deadreason',
        delay: 'd.delay',
        retried: 'd.retried',
        lowered: 'd.lowered',
        duration: 'd.duration',
        recovered: 'd.recovered',
      })}`,
  }
}

/** The same for one execution, whose row it guards itself. Walks queue_jobs_id. */
export function endOne({ names }: Database, ended: Ended, writes: Written): string {
  return `UPDATE ${names.queueJobs} j FORCE INDEX (queue_jobs_id)
      SET ${assignments({
        statusid: literal(writes.status),
        result: literal(writes.result),
        error: literal(writes.error),
        deadreason: literal(writes.deadReason),
        delay: literal(microseconds(writes.delayMs)),
        retried: literal(writes.retried),
        lowered: literal(writes.lowered),
        duration: literal(microseconds(ended.durationMs)),
        recovered: literal(ended.recovered === true ? 1 : 0),
      })}
      WHERE j.id = ${literal(ended.jobId)} AND j.leaseepoch = ${literal(ended.epoch)}
        AND j.statusid + 0 = 2 AND (NOT j.cancelrequested OR ${literal(writes.status)} = ${STATUS.cancelled})`
}

/** Columns of a history row that mostly nothing is said of: each that is null for all is left out. */
const RARE: Readonly<
  Record<string, (end: Omit<LockedEnd, 'seq'>) => string | number | null | undefined>
> = {
  result: ({ writes }) => writes.result,
  errormessage: ({ writes }) => writes.error,
  inputdata: ({ ended }) => ended.inputData,
  outputdata: ({ ended }) => ended.outputData,
  metadata: ({ writes: { willRetry } }) =>
    willRetry === null ? null : JSON.stringify({ willretry: willRetry }),
}

/** The history rows of executions that ended now. */
export function historyRows({ names }: Database, ends: readonly Omit<LockedEnd, 'seq'>[]) {
  const rare = Object.entries(RARE).filter(([, valueOf]) =>
    ends.some((end) => (valueOf(end) ?? null) !== null),
  )
  return {
    head: `INSERT INTO ${names.jobHistories} (jobid, leaseepoch, statusid, startedat, completedat, duration,
      retryattempt, executedby${rare.map(([column]) => `, ${column}`).join('')}) VALUES `,
    parts: ends.map((end) => {
      const { ended, writes } = end
      const duration = ended.durationMs ?? 0
      const values = [
        literal(ended.jobId),
        literal(ended.epoch),
        literal(writes.history),
        `UTC_TIMESTAMP(6) - ${interval(duration)}`,
        'UTC_TIMESTAMP(6)',
        literal(Math.round(duration)),
        literal(ended.retryAttempt),
        literal(ended.executedBy),
        ...rare.map(([, valueOf]) => literal(valueOf(end) ?? null)),
      ]
      return `(${values.join(',')})`
    }),
    tail: '',
  }
}

function microseconds(milliseconds: number | null): number | null {
  return milliseconds === null ? null : Math.round(milliseconds * 1000)
}
