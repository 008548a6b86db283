import { STATUS } from '../../domain/status.ts'
import type { ExecutionKey } from '../../ports/store.ts'
import { written, type Ended, type Written } from '../endings.ts'
import { checkText } from '../job-columns.ts'
import type { Database, Run } from './connect.ts'
import { lockHeld } from './held.ts'
import { interval, jsonParts, literal, runInPackets } from './text.ts'

/** An ending that is to be written: its row is locked, and its execution was still the caller's. */
interface LockedEnd {
  readonly seq: string
  readonly ended: Ended
  readonly writes: Written
}

/**
 * Ends executions, with their history rows, in the transaction of `run`. Which are still the caller's is
 * read under lock, then all are written by one statement. Returns their keys.
 */
export async function settleIn(
  run: Run,
  database: Database,
  settlements: readonly Ended[],
): Promise<readonly ExecutionKey[]> {
  for (const settlement of settlements) checkTexts(settlement)
  const held = await lockHeld(run, database, settlements, { locked: 'wait' })
  const bySettlement = new Map(held.map((row) => [`${row.key.epoch}:${row.key.jobId}`, row]))
  const ends: LockedEnd[] = []
  for (const ended of settlements) {
    const name = `${ended.epoch}:${ended.jobId}`
    const row = bySettlement.get(name)
    const writes = written(ended.ending)
    if (row === undefined || (row.cancelRequested && writes.status !== STATUS.cancelled)) continue
    bySettlement.delete(name)
    ends.push({ seq: row.seq, ended, writes })
  }
  if (ends.length === 0) return []
  const maxBytes = await database.maxStatementBytes()
  await runInPackets(run, maxBytes, endRows(database, ends))
  const history = ends.filter(({ ended }) => ended.durationMs !== null)
  if (history.length > 0) await runInPackets(run, maxBytes, historyRows(database, history))
  return ends.map(({ ended: { jobId, epoch } }) => ({ jobId, epoch }))
}

/** What the server would take and PostgreSQL would not. */
function checkTexts({ ending, inputData, executedBy }: Ended): void {
  const { result, error, deadReason } = written(ending)
  const texts = {
    result,
    lasterror: error,
    deadreason: deadReason,
    inputdata: inputData,
    executedBy,
  }
  for (const [column, text] of Object.entries(texts)) {
    if (typeof text === 'string') checkText(column, text)
  }
}

/**
 * Walks the primary key. The values come as one JSON text: CASE for each column grew with the square of
 * the group. No assignment reads a column that another one writes: in an UPDATE of a join their order is
 * not promised.
 */
function endRows({ names }: Database, ends: readonly LockedEnd[]) {
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
        seq bigint PATH '$.q', statusid int PATH '$.s', result longtext PATH '$.r',
        error longtext PATH '$.e', deadreason varchar(255) PATH '$.d', delay bigint PATH '$.w',
        retried int PATH '$.n', lowered int PATH '$.l', duration bigint PATH '$.u', recovered int PATH '$.t'
      )) d
      STRAIGHT_JOIN ${names.queueJobs} j FORCE INDEX (PRIMARY) ON j.seq = d.seq
      SET j.statusid = d.statusid,
        j.leaseepoch = j.leaseepoch + 1,
        j.lockedby = NULL,
        j.leaseexpiresat = NULL,
        j.startedat = CASE WHEN d.duration IS NULL THEN j.startedat
          ELSE UTC_TIMESTAMP(6) - INTERVAL d.duration MICROSECOND END,
        j.completedat = CASE WHEN d.duration IS NULL THEN j.completedat ELSE UTC_TIMESTAMP(6) END,
        j.result = CASE WHEN d.statusid = 3 THEN d.result ELSE j.result END,
        j.lasterror = COALESCE(d.error, j.lasterror),
        j.deadreason = d.deadreason,
        j.scheduledat = CASE WHEN d.delay IS NULL THEN j.scheduledat
          ELSE UTC_TIMESTAMP(6) + INTERVAL d.delay MICROSECOND END,
        j.retrycount = j.retrycount + d.retried,
        j.priority = GREATEST(j.priority - d.lowered, -2147483647),
        j.progress = CASE WHEN d.statusid = 3 THEN j.progresstotal WHEN d.retried = 1 THEN 0
          ELSE j.progress END,
        j.recoveries = CASE WHEN d.recovered = 1 THEN j.recoveries + 1
          WHEN d.duration IS NULL THEN j.recoveries ELSE 0 END,
        j.modifiedon = UTC_TIMESTAMP(6)`,
  }
}

function historyRows({ names }: Database, ends: readonly LockedEnd[]) {
  return {
    head: `INSERT INTO ${names.jobHistories} (jobid, leaseepoch, statusid, startedat, completedat, duration,
      result, errormessage, retryattempt, executedby, inputdata, metadata) VALUES `,
    parts: ends.map(({ ended, writes }) => {
      const duration = ended.durationMs ?? 0
      const metadata =
        writes.willRetry === null ? null : JSON.stringify({ willretry: writes.willRetry })
      const values = [
        literal(ended.jobId),
        literal(ended.epoch),
        literal(writes.history),
        `UTC_TIMESTAMP(6) - ${interval(duration)}`,
        'UTC_TIMESTAMP(6)',
        literal(Math.round(duration)),
        literal(writes.result),
        literal(writes.error),
        literal(ended.retryAttempt),
        literal(ended.executedBy),
        literal(ended.inputData ?? null),
        literal(metadata),
      ]
      return `(${values.join(',')})`
    }),
    tail: '',
  }
}

function microseconds(milliseconds: number | null): number | null {
  return milliseconds === null ? null : Math.round(milliseconds * 1000)
}

/** Ends executions in groups. Returns the keys of those that were still the caller's. */
export function makeSettle(database: Database) {
  return async function settle(settlements: readonly Ended[]): Promise<readonly ExecutionKey[]> {
    if (settlements.length === 0) return []
    return await database.transaction((run) => settleIn(run, database, settlements))
  }
}

/** Of these executions, those that have their history row. Walks job_histories_execution. */
export function makeSettled(database: Database) {
  return async function settled(keys: readonly ExecutionKey[]): Promise<readonly ExecutionKey[]> {
    if (keys.length === 0) return []
    const places = keys.map(
      ({ jobId, epoch }) => `(jobid = ${literal(jobId)} AND leaseepoch = ${literal(epoch)})`,
    )
    const { rows } = await database.run<{ jobid: string; leaseepoch: number }>(
      `SELECT jobid, leaseepoch FROM ${database.names.jobHistories} WHERE ${places.join(' OR ')}`,
    )
    return rows.map((row) => ({ jobId: row.jobid, epoch: row.leaseepoch }))
  }
}
