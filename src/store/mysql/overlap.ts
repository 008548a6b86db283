import type { Names, Run } from './connect.ts'
import { list } from './text.ts'

/** A schedule that fires, and its `overlappolicy`. */
export interface OverlapCheck {
  readonly id: string
  readonly policy: string
}

/**
 * The schedules whose tick makes no job: the last job of one that skips has not ended, or that of one that
 * queues has not begun, and counts the tick. A waiting job that somebody has locked is being claimed: it begins, and
 * the tick has its own job. Walks queue_jobs_tick, and the primary key.
 */
export async function overlappedSchedules(
  run: Run,
  { queueJobs, jobs }: Pick<Names, 'queueJobs' | 'jobs'>,
  checks: readonly OverlapCheck[],
): Promise<ReadonlySet<string>> {
  const policies = new Map(
    checks.filter(({ policy }) => policy !== 'allow').map(({ id, policy }) => [id, policy]),
  )
  if (policies.size === 0) return new Set()
  const { rows } = await run<{ id: string; seq: string | number; statusid: number }>(
    lastJobs(queueJobs, jobs, [...policies.keys()]),
  )
  const open = rows.filter(({ statusid }) => ![3, 4, 6].includes(statusid))
  const skipped = open.filter(({ id }) => policies.get(id) === 'skip').map(({ id }) => id)
  const waiting = open.filter(
    ({ id, statusid }) => policies.get(id) === 'queue' && [0, 1, 7].includes(statusid),
  )
  return new Set([...skipped, ...(await merged(run, queueJobs, waiting))])
}

/**
 * Reads each schedule's last job: one step backwards in the index for each of them. A SELECT for each, put together
 * by UNION ALL, took 40 ms of a batch of 250, most of it before the first row was read; this one takes 3.
 */
function lastJobs(queueJobs: string, jobs: string, ids: readonly string[]): string {
  return `SELECT q.scheduledjobid AS id, q.seq, q.statusid
    FROM (SELECT (SELECT l.seq FROM ${queueJobs} l FORCE INDEX (queue_jobs_tick)
        WHERE l.scheduledjobid = s.id AND l.scheduledfor IS NOT NULL
        ORDER BY l.scheduledjobid DESC, l.scheduledfor DESC LIMIT 1) AS seq
      FROM ${jobs} s FORCE INDEX (PRIMARY) WHERE s.id IN (${list(ids)})) d
    STRAIGHT_JOIN ${queueJobs} q FORCE INDEX (PRIMARY) ON q.seq = d.seq`
}

/** Counts a tick in each of these jobs that still waits. Returns their schedules. */
async function merged(
  run: Run,
  queueJobs: string,
  waiting: readonly { readonly seq: string | number }[],
): Promise<readonly string[]> {
  if (waiting.length === 0) return []
  const seqs = waiting.map(({ seq }) => Number(seq))
  const { rows } = await run<{
    id: string
    seq: string | number
  }>(`SELECT scheduledjobid AS id, seq FROM ${queueJobs}
    FORCE INDEX (PRIMARY) WHERE seq IN (${list(seqs)}) AND statusid + 0 IN (0, 1, 7)
    ORDER BY seq FOR UPDATE SKIP LOCKED`)
  if (rows.length === 0) return []
  await run(`UPDATE ${queueJobs} SET metadata = JSON_SET(COALESCE(metadata, '{}'), '$.merged_ticks',
      COALESCE(JSON_EXTRACT(metadata, '$.merged_ticks'), 0) + 1), modifiedon = UTC_TIMESTAMP(6)
    WHERE seq IN (${list(rows.map(({ seq }) => Number(seq)))})`)
  return rows.map(({ id }) => id)
}
