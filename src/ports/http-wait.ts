import type { ReadBody } from './http-body.ts'
import type { HttpRequest } from './http-host.ts'
import { httpProblem } from './http-problem.ts'

const MAX_SECONDS = 60
const SECONDS = /^\d{1,2}(?:\.\d{1,3})?$/

/**
 * How long the sender of a request wants to wait for its job, in milliseconds: `?wait=`, in seconds, more
 * than 0 and at most 60. `undefined`: not at all. 400 for anything else, before anything is stored.
 */
export function readWait({ query }: Pick<HttpRequest, 'query'>): ReadBody<number | undefined> {
  const given = query['wait']
  if (given === undefined) return { ok: true, value: undefined }
  const seconds = typeof given === 'string' && SECONDS.test(given) ? Number(given) : 0
  if (seconds > 0 && seconds <= MAX_SECONDS) return { ok: true, value: seconds * 1_000 }
  return {
    ok: false,
    problem: httpProblem(
      'invalid_wait',
      `The query parameter wait is a number of seconds, more than 0 and at most ${MAX_SECONDS}, given once.`,
    ),
  }
}
