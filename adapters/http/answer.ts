import type { Delivery } from '../../src/ports/adapter.ts'
import type { HttpResponse } from '../../src/ports/http-host.ts'
import { httpProblem } from '../../src/ports/http-problem.ts'

/**
 * What a sender is answered, once its message is committed or refused.
 * @throws CrossdockError of a message that is `refused`
 */
export function answerTo(delivery: Delivery): HttpResponse {
  switch (delivery.outcome) {
    case 'stored':
    case 'duplicate': {
      // Of a duplicate whose row could not be read nothing is said: it may have ended long ago.
      const status = delivery.status ?? (delivery.outcome === 'stored' ? 'pending' : undefined)
      return {
        status: 202,
        headers: { location: locationOf(delivery.jobId) },
        body: { id: delivery.jobId, job_id: delivery.jobId, status },
      }
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

function locationOf(jobId: string): string {
  return `/api/jobs/${encodeURIComponent(jobId)}`
}
