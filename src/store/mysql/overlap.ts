import type { Run } from './connect.ts'
import { list, literal } from './text.ts'

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
  queueJobs: string,
  checks: readonly OverlapCheck[],
): Promise<ReadonlySet<string>> {
  const policies = new Map(
    checks.filter(({ policy }) => policy !== 'allow').map(({ id, policy }) => [id, policy]),
  )
  if (policies.size === 0) return new Set()
  const asked = [...policies.keys()].map(
    (
      id,
    ) => `(SELECT scheduledjobid AS id, seq, statusid FROM ${queueJobs} FORCE INDEX (queue_jobs_tick)
      WHERE scheduledjobid = ${literal(id)} AND scheduledfor IS NOT NULL
      ORDER BY scheduledjobid DESC, scheduledfor DESC LIMIT 1)`,
  )
  const { rows } = await run<{ id: string; seq: string | number; statusid: number }>(
    asked.join(' UNION ALL '),
  )
  const open = rows.filter(({ statusid }) => ![3, 4, 6].includes(statusid))
  const skipped = open.filter(({ id }) => policies.get(id) === 'skip').map(({ id }) => id)
  const waiting = open.filter(
    ({ id, statusid }) => policies.get(id) === 'queue' && [0, 1, 7].includes(statusid),
  )
  return new Set([...skipped, ...(await merged(run, queueJobs, waiting))])
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
