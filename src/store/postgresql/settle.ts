import type { ExecutionKey, Settlement } from '../../ports/store.ts'
import { jobsBeside, written, type Ended } from '../endings.ts'
import type { Database, Runner, Statement } from './connect.ts'
import { inTransaction } from './in-transaction.ts'
import { makeInsertJobs } from './insert-jobs.ts'

/**
 * Ends executions and writes their history rows: one statement, one commit. Walks the primary key for
 * each execution. The guard asks for the status in a form that no index can serve: the plain form drew
 * the planner to the index of Processing rows.
 */
export function settleStatement({ names }: Database): Statement {
  return {
    name: 'crossdock_settle',
    text: `${settleCtes(names, GROUP)} SELECT id, epoch FROM ended`,
  }
}

/** The same for one execution, by plain values: `$18` is the token of its transaction. */
export function settleInTransactionStatement({ names }: Database): Statement {
  return {
    name: 'crossdock_settle_held',
    text: `${settleCtes(names, ONE)}
      SELECT ${names.mustHold}((SELECT count(*) FROM ended), $18::text)`,
  }
}

/** The values of a settlement: name and type, in the order of the parameters. */
const VALUES: readonly (readonly [name: string, type: string])[] = [
  ['id', 'text'],
  ['epoch', 'int'],
  ['statusid', 'int'],
  ['historystatus', 'int'],
  ['willretry', 'boolean'],
  ['result', 'text'],
  ['error', 'text'],
  ['deadreason', 'text'],
  ['delay', 'double precision'],
  ['retried', 'int'],
  ['lowered', 'int'],
  ['duration', 'double precision'],
  ['attempt', 'int'],
  ['executedby', 'text'],
  ['inputdata', 'text'],
  ['outputdata', 'text'],
  ['recovered', 'boolean'],
]

/**
 * Behind a SELECT the planner does not know how long the arrays are, and takes them for short. Where it
 * also takes the table for small, since it was analyzed after a clean-up and has filled since, it would
 * otherwise walk the whole primary key for each group: 46,000 rows for 200 executions.
 */
const GROUP = `unnest(${VALUES.map(([, type], index) => `(SELECT $${index + 1}::${type}[])`).join(', ')})
        AS d(${VALUES.map(([name]) => name).join(', ')})`

const ONE = `(SELECT ${VALUES.map(([name, type], index) => `$${index + 1}::${type} AS ${name}`).join(', ')}) AS d`

function settleCtes(names: Database['names'], source: string): string {
  return `WITH ended AS (
      UPDATE ${names.queueJobs} j SET
        statusid = d.statusid,
        leaseepoch = j.leaseepoch + 1,
        lockedby = NULL,
        leaseexpiresat = NULL,
        startedat = CASE WHEN d.duration IS NULL THEN j.startedat
          ELSE clock_timestamp() - d.duration * interval '1 millisecond' END,
        completedat = CASE WHEN d.duration IS NULL THEN j.completedat ELSE clock_timestamp() END,
        result = CASE WHEN d.statusid = 3 THEN d.result ELSE j.result END,
        lasterror = coalesce(d.error, j.lasterror),
        deadreason = d.deadreason,
        scheduledat = CASE WHEN d.delay IS NULL THEN j.scheduledat
          ELSE clock_timestamp() + d.delay * interval '1 millisecond' END,
        retrycount = j.retrycount + d.retried,
        priority = greatest(j.priority - d.lowered, -2147483647),
        progress = CASE WHEN d.statusid = 3 THEN j.progresstotal WHEN d.retried = 1 THEN 0
          ELSE j.progress END,
        recoveries = CASE WHEN d.recovered THEN j.recoveries + 1 WHEN d.duration IS NULL THEN j.recoveries
          ELSE 0 END,
        modifiedon = clock_timestamp()
      FROM ${source}
      WHERE j.id = d.id AND j.leaseepoch = d.epoch AND j.statusid + 0 = 2
        AND (NOT j.cancelrequested OR d.statusid = 6)
      RETURNING j.id, d.epoch, d.historystatus, d.willretry, d.result, d.error, d.duration, d.attempt,
        d.executedby, d.inputdata, d.outputdata
    ), history AS (
      INSERT INTO ${names.jobHistories} (jobid, leaseepoch, statusid, startedat, completedat, duration,
        result, errormessage, retryattempt, executedby, inputdata, outputdata, metadata)
      SELECT id, epoch, historystatus, clock_timestamp() - duration * interval '1 millisecond',
        clock_timestamp(), duration, result, error, attempt, executedby, inputdata,
        outputdata,
        CASE WHEN willretry IS NOT NULL THEN jsonb_build_object('willretry', willretry) END
      FROM ended WHERE duration IS NOT NULL
    )`
}

/** A settlement's values, in the order of {@link VALUES}. */
function settleValues(settlement: Ended): (string | number | boolean | null)[] {
  const row = written(settlement.ending)
  return [
    settlement.jobId,
    settlement.epoch,
    row.status,
    row.history,
    row.willRetry,
    row.result,
    row.error,
    row.deadReason,
    row.delayMs,
    row.retried,
    row.lowered,
    settlement.durationMs,
    settlement.retryAttempt,
    settlement.executedBy,
    settlement.inputData ?? null,
    settlement.outputData ?? null,
    settlement.recovered === true,
  ]
}

/** An array a value; one of nothing but NULL is sent empty, and unnest pads it. */
function settleArrays(settlements: readonly Ended[]): unknown[] {
  const rows = settlements.map(settleValues)
  return VALUES.map((_, index) => {
    const column = rows.map((row) => row[index] ?? null)
    return column.every((value) => value === null) ? [] : column
  })
}

/** Ends executions in groups. Returns the keys of those that were still the caller's. */
export function makeSettle(database: Database) {
  const statement = settleStatement(database)
  const insertJobs = makeInsertJobs(database)

  async function settle(
    settlements: readonly Ended[],
    runner?: Runner,
  ): Promise<readonly ExecutionKey[]> {
    if (settlements.length === 0) return []
    if (runner === undefined && settlements.some(({ jobs = [] }) => jobs.length > 0)) {
      return await database.contention.repeated(() =>
        inTransaction(database, (client) => settle(settlements, client)),
      )
    }
    const { rows } = await database.run<{ id: string; epoch: number }>(
      statement,
      settleArrays(settlements),
      runner,
    )
    const ended = rows.map((row) => ({ jobId: row.id, epoch: row.epoch }))
    const jobs = runner === undefined ? [] : jobsBeside(settlements, ended)
    if (runner !== undefined && jobs.length > 0)
      await insertJobs({ jobs, again: false }, { runner })
    return ended
  }

  return settle
}

/**
 * Ends one execution inside the handler's own transaction, whose `token` it must still carry. Raises
 * when there is nothing to end: the COMMIT is under way already.
 */
export function makeSettleInTransaction(database: Database) {
  const statement = settleInTransactionStatement(database)
  return async function settleInTransaction(
    settlement: Settlement,
    token: string,
    runner: Runner,
  ): Promise<void> {
    await database.run(statement, [...settleValues(settlement), token], runner)
  }
}

/** Of these executions, those that have their history row. Walks job_histories_execution. */
export function makeSettled(database: Database) {
  const statement: Statement = {
    name: 'crossdock_settled',
    text: `SELECT h.jobid AS id, h.leaseepoch AS epoch
      FROM unnest($1::text[], $2::int[]) AS d(id, epoch)
      JOIN ${database.names.jobHistories} h ON h.jobid = d.id AND h.leaseepoch = d.epoch`,
  }
  return async function settled(keys: readonly ExecutionKey[]): Promise<readonly ExecutionKey[]> {
    const { rows } = await database.run<{ id: string; epoch: number }>(statement, [
      keys.map((key) => key.jobId),
      keys.map((key) => key.epoch),
    ])
    return rows.map((row) => ({ jobId: row.id, epoch: row.epoch }))
  }
}
