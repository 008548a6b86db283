import type { Delivery } from '../../src/ports/adapter.ts'
import type { HttpResponse } from '../../src/ports/http-host.ts'
import { httpProblem } from '../../src/ports/http-problem.ts'
import type { WaitOutcome } from '../../src/ports/job-waits.ts'

/**
 * What a sender is answered, once its message is committed or refused.
 * @param waited what became of its job, where the sender wanted to wait for that
 * @throws CrossdockError of a message that is `refused`
 */
export function answerTo(delivery: Delivery, waited?: WaitOutcome): HttpResponse {
  switch (delivery.outcome) {
    case 'stored':
    case 'duplicate': {
      const headers = { location: locationOf(delivery.jobId) }
      if (delivery.sameBody === false) return conflict(delivery.jobId)
      if (waited?.ended === true) return { status: 200, headers, body: waited.job }
      // Of a duplicate whose row could not be read nothing is said: it may have ended long ago.
      const known = delivery.status ?? (delivery.outcome === 'stored' ? 'pending' : undefined)
      const status = waited?.status ?? known
      return { status: 202, headers, body: { id: delivery.jobId, job_id: delivery.jobId, status } }
    }
    case 'dead':
      return httpProblem(
        'dead_letter',
        'The message could not be stored as a job; it is kept as a dead letter.',
        {
          members: { id: delivery.jobId, job_id: delivery.jobId },
          headers: { location: locationOf(delivery.jobId) },
        },
      )
    // Nothing is wrong, and there is no job that could be named.
    case 'filtered':
      return { status: 204 }
    case 'refused':
      // The server answers it, as it answers every error: 413 for what is too large.
      throw delivery.error
    case 'invalid':
      return httpProblem(
        'input_invalid',
        'The message is not valid and was not stored; see problems.',
        {
          members: { problems: delivery.problems },
        },
      )
  }
}

function conflict(jobId: string): HttpResponse {
  return httpProblem(
    'idempotency_conflict',
    'An earlier message with this key had another body; it is the job of this id, and this one was not stored.',
    { members: { id: jobId, job_id: jobId }, headers: { location: locationOf(jobId) } },
  )
}

function locationOf(jobId: string): string {
  return `/api/jobs/${encodeURIComponent(jobId)}`
}
