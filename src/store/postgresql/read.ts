import type { Execution, Job } from '../../domain/job.ts'
import { OUTBOUND_HANDLER } from '../../domain/outbound.ts'
import type { ExecutionKey, QueueDepth } from '../../ports/store.ts'
import {
  EXECUTION_ROW_COLUMNS,
  executionOf,
  JOB_ROW_COLUMNS,
  jobOf,
  type ExecutionRow,
  type JobRow,
} from '../job-rows.ts'
import type { Database, Runner } from './connect.ts'

/** One job by id. Walks the primary key. */
export function makeFindJob(database: Database) {
  const statement = {
    name: 'crossdock_find',
    text: `SELECT ${JOB_ROW_COLUMNS}
      FROM ${database.names.queueJobs} WHERE id = $1`,
  }
  return async function findJob(id: string, runner?: Runner): Promise<Job | undefined> {
    const { rows } = await database.run<JobRow>(statement, [id], runner)
    return rows[0] === undefined ? undefined : jobOf(rows[0])
  }
}

/** The executions of a job. Walks job_histories_execution, whose order is the epochs'. */
export function makeListExecutions(database: Database) {
  const exists = {
    name: 'crossdock_exists',
    text: `SELECT 1 FROM ${database.names.queueJobs} WHERE id = $1`,
  }
  const list = {
    name: 'crossdock_executions',
    text: `SELECT ${EXECUTION_ROW_COLUMNS}
      FROM ${database.names.jobHistories} WHERE jobid = $1 ORDER BY leaseepoch LIMIT 1000`,
  }
  return async function listExecutions(jobId: string): Promise<readonly Execution[] | undefined> {
    const { rows } = await database.run<ExecutionRow>(list, [jobId])
    if (rows.length === 0) {
      const found = await database.run(exists, [jobId])
      if (found.rows.length === 0) return undefined
    }
    return rows.map(executionOf)
  }
}

/** The payload of an execution that is still the caller's. Walks the primary key. */
export function makeReadPayload(database: Database) {
  const statement = {
    name: 'crossdock_payload',
    text: `SELECT payload FROM ${database.names.queueJobs} WHERE id = $1 AND leaseepoch = $2`,
  }
  return async function readPayload(key: ExecutionKey): Promise<string | null> {
    const { rows } = await database.run<{ payload: string | null }>(statement, [
      key.jobId,
      key.epoch,
    ])
    return rows[0]?.payload ?? null
  }
}

/**
 * The queues that have ready jobs: jumps from queue to queue along queue_jobs_ready, one probe a queue,
 * however many jobs each holds.
 */
export function makeReadyQueues(database: Database) {
  const { queueJobs } = database.names
  const first = (after: string): string =>
    `(SELECT queue FROM ${queueJobs} WHERE statusid = 0 AND active ${after} ORDER BY queue LIMIT 1)`
  const statement = {
    name: 'crossdock_ready_queues',
    text: `WITH RECURSIVE ready(queue) AS (
        ${first('')}
        UNION ALL
        SELECT ${first('AND queue > ready.queue')} FROM ready WHERE ready.queue IS NOT NULL
      )
      SELECT queue FROM ready WHERE queue IS NOT NULL LIMIT 10000`,
  }
  return async function readyQueues(): Promise<readonly string[]> {
    const { rows } = await database.run<{ queue: string }>(statement, [])
    return rows.map((row) => row.queue)
  }
}

/**
 * How many jobs are unfinished, queue by queue. Counts the partial indexes, at most 100,000 entries of
 * each: `/status` must stay cheap with a million jobs waiting.
 */
export function makeQueueDepths(database: Database) {
  const { queueJobs } = database.names
  const part = (where: string): string =>
    `(SELECT queue, statusid FROM ${queueJobs} WHERE ${where} LIMIT 100000)`
  const statement = {
    name: 'crossdock_depths',
    text: `SELECT queue, count(*) FILTER (WHERE statusid = 0)::int AS pending,
        count(*) FILTER (WHERE statusid = 2)::int AS processing,
        count(*) FILTER (WHERE statusid = 1)::int AS queued,
        count(*) FILTER (WHERE statusid IN (5, 7))::int AS waiting
      FROM (${part('statusid = 0 AND active')} UNION ALL ${part('statusid = 2')}
        UNION ALL ${part('statusid = 1 AND active')}
        UNION ALL ${part('statusid IN (5, 7) AND active')}) unfinished
      GROUP BY queue ORDER BY queue LIMIT 1000`,
  }
  return async function queueDepths(): Promise<readonly QueueDepth[]> {
    const { rows } = await database.run<{
      queue: string
      pending: number
      processing: number
      queued: number
      waiting: number
    }>(statement, [])
    return rows
  }
}

/** Handlers that unfinished jobs name and nobody here has, from the same bounded look. */
export function makeMissingHandlers(database: Database) {
  const { queueJobs } = database.names
  const part = (where: string): string =>
    `(SELECT handler FROM ${queueJobs} WHERE ${where} LIMIT 10000)`
  const statement = {
    name: 'crossdock_missing_handlers',
    text: `SELECT DISTINCT handler FROM (${part('statusid = 0 AND active')}
        UNION ALL ${part('statusid IN (5, 7) AND active')}) unfinished
      WHERE handler <> ALL ($1::text[]) LIMIT 100`,
  }
  return async function missingHandlers(known: readonly string[]): Promise<readonly string[]> {
    const { rows } = await database.run<{ handler: string }>(statement, [known])
    return rows.map((row) => row.handler)
  }
}

/** Addresses of publications that unfinished outbound jobs name and nobody here has, likewise. */
export function makeMissingPublications(database: Database) {
  const { queueJobs } = database.names
  const part = (where: string): string =>
    `(SELECT handler, protocol, method FROM ${queueJobs} WHERE ${where} LIMIT 10000)`
  const statement = {
    name: 'crossdock_missing_publications',
    text: `SELECT DISTINCT address FROM (
        SELECT concat(protocol, ':', method) AS address FROM (${part('statusid = 0 AND active')}
          UNION ALL ${part('statusid IN (5, 7) AND active')}) unfinished
        WHERE handler = '${OUTBOUND_HANDLER}') outbound
      WHERE address <> ALL ($1::text[]) LIMIT 100`,
  }
  return async function missingPublications(known: readonly string[]): Promise<readonly string[]> {
    const { rows } = await database.run<{ address: string }>(statement, [known])
    return rows.map((row) => row.address)
  }
}
