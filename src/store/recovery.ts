import type { RecoveryRequest } from '../ports/store.ts'
import type { Ended } from './endings.ts'
import { expiredJobOf, type ExpiredRow } from './job-rows.ts'

/** How the execution of an expired row is ended: in its holder's name, with history if it had begun. */
export function recoveredEnd(row: ExpiredRow, request: RecoveryRequest): Ended {
  return {
    jobId: row.id,
    epoch: row.leaseepoch,
    ending: request.decide(expiredJobOf(row)),
    durationMs: row.begun ? Math.max(0, row.age) : null,
    retryAttempt: row.retrycount,
    executedBy: row.lockedby ?? request.executedBy,
    recovered: true,
  }
}
