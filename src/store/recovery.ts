import type { Job } from '../domain/job.ts'
import type { ExpiredJob, RecoveryRequest } from '../ports/store.ts'
import type { Ended } from './endings.ts'
import { expiredJobOf, type ExpiredRow } from './job-rows.ts'

/** An expired execution that is taken from its holder. */
export interface Taken {
  readonly job: ExpiredJob
  readonly end: Ended
}

/**
 * How expired executions are ended: in their holders' names, with history where they had begun. Those
 * that the caller does not decide about are left alone.
 */
export function recoveredEnds(
  rows: readonly ExpiredRow[],
  request: RecoveryRequest,
): readonly Taken[] {
  return rows.flatMap((row) => {
    const job = expiredJobOf(row)
    const ending = request.decide(job)
    if (ending === undefined) return []
    const end = {
      jobId: row.id,
      epoch: row.leaseepoch,
      ending,
      durationMs: row.begun ? Math.max(0, row.age) : null,
      retryAttempt: row.retrycount,
      executedBy: row.lockedby ?? request.executedBy,
      recovered: true,
    }
    return [{ job, end }]
  })
}

/** With what the caller wants stored in the commit that fails a job for good: for that its whole row is read. */
export async function withJobsBeside(
  taken: readonly Taken[],
  { beside }: RecoveryRequest,
  findJob: (id: string) => Promise<Job | undefined>,
): Promise<readonly Taken[]> {
  if (beside === undefined) return taken
  const completed: Taken[] = []
  for (const each of taken) {
    const { ending } = each.end
    const row = ending.kind === 'failed' ? await findJob(each.end.jobId) : undefined
    const jobs = row !== undefined && ending.kind === 'failed' ? beside(row, ending) : []
    completed.push(jobs.length === 0 ? each : { ...each, end: { ...each.end, jobs } })
  }
  return completed
}
