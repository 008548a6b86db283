import type { Flow } from '../../src/ports/flow.ts'
import type { HttpResponse } from '../../src/ports/http-host.ts'
import { httpProblem } from '../../src/ports/http-problem.ts'

const ANSWERS = {
  stopping: [
    'instance_stopping',
    'This instance is stopping; nothing was stored. Send the request again.',
  ],
  paused: [
    'subscription_paused',
    'The subscription of this address is paused; nothing was stored. Send the request again later.',
  ],
  backpressure: [
    'subscription_full',
    'Too many messages of this subscription wait for their handler; nothing was stored. Send the request again later.',
  ],
} as const

/**
 * What a request is answered whose subscription takes nothing in now; `undefined`: it does. While the database is
 * away requests are still taken: the ingest waits for it a few seconds, within bounds on memory, and says itself
 * when it gives up. A restart of the database then costs senders a moment and no error.
 */
export function closedAnswer(closed: ReturnType<Flow['closed']>): HttpResponse | undefined {
  if (closed === undefined || closed.reason === 'database') return undefined
  const [code, detail] = ANSWERS[closed.reason]
  const seconds = Math.max(1, Math.ceil(closed.retryAfterMs / 1_000))
  return httpProblem(code, detail, { headers: { 'retry-after': String(seconds) } })
}
