import type { HttpResponse } from '../../../src/ports/http-host.ts'
import { httpProblem } from '../../../src/ports/http-problem.ts'
import type { Log } from '../../../src/ports/log.ts'
import type { VerifyOptions } from './options.ts'
import type { Refusal } from './proof.ts'

/** How often a subscription may write that it refuses requests, in milliseconds. */
const LOG_INTERVAL_MS = 60_000

/**
 * What a request that was not verified is answered. An API key has a challenge; for signatures of
 * messages no scheme of `WWW-Authenticate` is registered, and an invented one would help nobody.
 * Source: RFC 9110, section 11.6.1; RFC 6750, section 3.
 */
export function refusalAnswer(
  type: VerifyOptions['type'] | undefined,
  refusal: Refusal,
): HttpResponse {
  const isKey = type === 'api_key'
  const what = isKey ? 'key' : 'signature'
  switch (refusal) {
    case 'missing':
      return httpProblem(
        'credentials_missing',
        `This address takes requests with a ${what} alone.`,
        {
          headers: isKey ? { 'www-authenticate': 'Bearer' } : {},
        },
      )
    case 'invalid':
      return httpProblem('credentials_invalid', `The ${what} of the request is not valid.`, {
        headers: isKey ? { 'www-authenticate': 'Bearer error="invalid_token"' } : {},
      })
    case 'expired':
      return httpProblem(
        'signature_expired',
        'The request was signed too long ago, or the clocks of both sides differ.',
      )
  }
}

/**
 * Writes that requests were refused, and how many: the first at once, then one line a minute while they
 * go on, for anybody can send them. Never what was sent.
 * @param now milliseconds of any clock
 */
export function createRefusalLog(
  log: Log,
  subscription: string,
  now: () => number,
): (refusal: Refusal) => void {
  let count = 0
  let last: number | undefined
  return (refusal) => {
    count += 1
    if (last !== undefined && now() - last < LOG_INTERVAL_MS) return
    log.warn(
      { subscription, reason: refusal, refused: count },
      'requests were refused: they were not verified',
    )
    last = now()
    count = 0
  }
}
