import type { ExpiredJob, RecoveryRequest } from '../ports/store.ts'
import type { Ended } from './endings.ts'
import { expiredJobOf, type ExpiredRow } from './job-rows.ts'

/** An expired execution that is taken from its holder. */
interface Taken {
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
