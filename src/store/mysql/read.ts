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
import type { Database, Run } from './connect.ts'
import { parseHeaders, parseMetadata, type JsonText } from './json.ts'
import { list, literal } from './text.ts'

type StoredJob = Omit<JobRow, 'headers' | 'metadata'> & { headers: JsonText; metadata: JsonText }

/** One job by id. Walks queue_jobs_id. */
export function makeFindJob(database: Database) {
  return (id: string): Promise<Job | undefined> => findJobIn(database.run, database, id)
}

/** The same on a connection that the caller holds. */
export async function findJobIn(
  run: Run,
  { names }: Database,
  id: string,
): Promise<Job | undefined> {
  const { rows } = await run<StoredJob>(
    `SELECT ${JOB_ROW_COLUMNS} FROM ${names.queueJobs} WHERE id = ${literal(id)}`,
  )
  const row = rows[0]
  return row === undefined
    ? undefined
    : jobOf({
        ...row,
        headers: parseHeaders(row.headers),
        metadata: parseMetadata(row.metadata),
      })
}

type StoredExecution = Omit<ExecutionRow, 'metadata'> & { metadata: JsonText }

/** The executions of a job. Walks job_histories_execution, whose order is the epochs'. */
export function makeListExecutions(database: Database) {
  const { jobHistories, queueJobs } = database.names
  return async function listExecutions(jobId: string): Promise<readonly Execution[] | undefined> {
    const id = literal(jobId)
    const { rows } = await database.run<StoredExecution>(`SELECT ${EXECUTION_ROW_COLUMNS}
      FROM ${jobHistories} WHERE jobid = ${id} ORDER BY leaseepoch LIMIT 1000`)
    if (rows.length === 0) {
      const found = await database.run(`SELECT 1 FROM ${queueJobs} WHERE id = ${id}`)
      if (found.rows.length === 0) return undefined
    }
    return rows.map((row) => executionOf({ ...row, metadata: parseMetadata(row.metadata) }))
  }
}

/** The payload of an execution that is still the caller's. Walks queue_jobs_id. */
export function makeReadPayload(database: Database) {
  return async function readPayload({ jobId, epoch }: ExecutionKey): Promise<string | null> {
    const { rows } = await database.run<{ payload: string | null }>(
      `SELECT payload FROM ${database.names.queueJobs}
       WHERE id = ${literal(jobId)} AND leaseepoch = ${literal(epoch)}`,
    )
    return rows[0]?.payload ?? null
  }
}

/**
 * The queues that have ready jobs. DISTINCT jumps from queue to queue along queue_jobs_ready, whatever
 * the state of its jobs, and each is asked for a Pending one: two probes a queue, however many jobs it
 * holds or held. With LIMIT, since EXISTS is turned into a walk over the whole index; a recursion that
 * jumps walked it as well (110 ms at a million finished jobs, this 0.3).
 */
export function makeReadyQueues(database: Database) {
  const from = `${database.names.queueJobs} j FORCE INDEX (queue_jobs_ready)`
  const text = `SELECT queues.queue FROM (SELECT DISTINCT j.queue FROM ${from}) queues
    WHERE (SELECT 1 FROM ${from} WHERE j.queue = queues.queue AND j.statusid = 0 AND j.active LIMIT 1) = 1
    LIMIT 10000`
  return async function readyQueues(): Promise<readonly string[]> {
    const { rows } = await database.run<{ queue: string }>(text)
    return rows.map((row) => row.queue)
  }
}

/**
 * Jobs that run, as a FROM with its WHERE: from queue to queue along queue_jobs_ready, as
 * {@link makeReadyQueues}. An index of them alone cost two changes for every job.
 */
export function processingFrom({ names }: Pick<Database, 'names'>): string {
  return `(SELECT DISTINCT queue AS name FROM ${names.queueJobs} FORCE INDEX (queue_jobs_ready)) line
    STRAIGHT_JOIN ${names.queueJobs} FORCE INDEX (queue_jobs_ready) ON queue = line.name
    WHERE statusid = 2`
}

/** Unfinished jobs, state by state, at most `limit` of each: `column` of each row, and its state. */
function unfinished(
  { names }: Database,
  queues: readonly string[],
  { column, limit, states }: { column: string; limit: number; states: readonly string[] },
): string {
  const parts: Readonly<Record<string, string>> = {
    pending: `${names.queueJobs} FORCE INDEX (queue_jobs_ready)
      WHERE queue IN (${list(queues)}) AND statusid = 0 AND active`,
    processing: processingFrom({ names }),
    waiting: `${names.queueJobs} FORCE INDEX (queue_jobs_due) WHERE watchtime IS NOT NULL`,
  }
  // Who waits in a lane is Scheduled or Queued, which the index does not tell: a bounded part of it is read.
  const lane = `(SELECT ${column}, 'queued' AS state FROM
    (SELECT ${column}, statusid FROM ${names.queueJobs} FORCE INDEX (queue_jobs_lane)
      WHERE turnlane > '' LIMIT ${limit}) lane WHERE statusid = 1)`
  return states
    .map((state) =>
      state === 'queued'
        ? lane
        : `(SELECT ${column}, '${state}' AS state FROM ${parts[state] ?? ''} LIMIT ${limit})`,
    )
    .join(' UNION ALL ')
}

/**
 * How many jobs are unfinished, queue by queue. Counts index entries, at most 100,000 of each state:
 * `/status` must stay cheap with a million jobs waiting.
 */
export function makeQueueDepths(database: Database) {
  const readyQueues = makeReadyQueues(database)
  return async function queueDepths(): Promise<readonly QueueDepth[]> {
    const source = unfinished(database, await readyQueues(), {
      column: 'queue',
      limit: 100_000,
      states: ['pending', 'processing', 'queued', 'waiting'],
    })
    const { rows } = await database.run<Record<keyof QueueDepth, string>>(`SELECT queue,
        COUNT(CASE WHEN state = 'pending' THEN 1 END) AS pending,
        COUNT(CASE WHEN state = 'processing' THEN 1 END) AS processing,
        COUNT(CASE WHEN state = 'queued' THEN 1 END) AS queued,
        COUNT(CASE WHEN state = 'waiting' THEN 1 END) AS waiting
      FROM (${source}) unfinished GROUP BY queue ORDER BY queue LIMIT 1000`)
    return rows.map(({ queue, ...counts }) => ({
      queue,
      pending: Number(counts.pending),
      processing: Number(counts.processing),
      queued: Number(counts.queued),
      waiting: Number(counts.waiting),
    }))
  }
}

/** Handlers that unfinished jobs name and nobody here has, from a like look. */
export function makeMissingHandlers(database: Database) {
  const readyQueues = makeReadyQueues(database)
  return async function missingHandlers(known: readonly string[]): Promise<readonly string[]> {
    const source = unfinished(database, await readyQueues(), {
      column: 'handler',
      limit: 10_000,
      states: ['pending', 'waiting'],
    })
    const unknown = known.length === 0 ? '' : `WHERE handler NOT IN (${list(known)})`
    const { rows } = await database.run<{ handler: string }>(
      `SELECT DISTINCT handler FROM (${source}) unfinished ${unknown} LIMIT 100`,
    )
    return rows.map((row) => row.handler)
  }
}

/** Addresses of publications that unfinished outbound jobs name and nobody here has, likewise. */
export function makeMissingPublications(database: Database) {
  const readyQueues = makeReadyQueues(database)
  return async function missingPublications(known: readonly string[]): Promise<readonly string[]> {
    // Byte by byte: names of publications that differ in case alone are two.
    const source = unfinished(database, await readyQueues(), {
      column: `CASE WHEN handler = '${OUTBOUND_HANDLER}' THEN
        CONVERT(CONCAT(COALESCE(protocol, ''), ':', COALESCE(method, '')) USING utf8mb4)
          COLLATE utf8mb4_bin END AS address`,
      limit: 10_000,
      states: ['pending', 'waiting'],
    })
    const unknown = known.length === 0 ? '' : `AND address NOT IN (${list(known)})`
    const { rows } = await database.run<{ address: string }>(
      `SELECT DISTINCT address FROM (${source}) outbound WHERE address IS NOT NULL ${unknown} LIMIT 100`,
    )
    return rows.map((row) => row.address)
  }
}
