import { STATUS_CODES } from 'node:http'
import type { Publishing } from '../../../src/ports/outbound.ts'
import type { HttpPublicationOptions } from '../publication-options.ts'
import { answerText } from './answer-text.ts'
import type { Answered, Exchange } from './exchange.ts'
import { retryAfterMs } from './retry-after.ts'

/** After these a repeat may help; 520 and above are what proxies answer by themselves. */
const RETRY_ON = [408, 425, 429, 500, 502, 503, 504]
const FIRST_OF_PROXIES = 520

/** It is not the message that is wrong with them: whoever runs this can mend it. */
const CREDENTIALS = [401, 403, 407]

/**
 * What became of a message, by what came of its request.
 * @param now milliseconds since 1970
 */
export function publishingOf(
  exchange: Exchange,
  options: Pick<HttpPublicationOptions, 'success' | 'retry_on'>,
  now: number,
): Publishing {
  if (exchange.kind !== 'answered') return { outcome: exchange.kind, error: exchange.error }
  const { status } = exchange
  const answer = answerText(exchange)
  if (isSuccess(status, options)) return { outcome: 'published', answer }
  const error = `answered ${statusText(status)}`
  if (isRetried(status, options)) {
    const { headers } = exchange
    const wait = retryAfterMs({ retryAfter: headers['retry-after'], date: headers['date'] }, now)
    return { outcome: 'refused', error, permanent: false, retryAfterMs: wait, answer }
  }
  if (CREDENTIALS.includes(status)) {
    return {
      outcome: 'refused',
      error: `${error}: what shows who we are was not taken; look at auth of the connection`,
      permanent: false,
      answer,
    }
  }
  return { outcome: 'refused', error: explained(error, exchange), permanent: true, answer }
}

function isSuccess(status: number, { success }: Pick<HttpPublicationOptions, 'success'>): boolean {
  return success === undefined ? status >= 200 && status < 300 : success.includes(status)
}

function isRetried(
  status: number,
  { retry_on: retryOn }: Pick<HttpPublicationOptions, 'retry_on'>,
): boolean {
  return retryOn === undefined
    ? RETRY_ON.includes(status) || status >= FIRST_OF_PROXIES
    : retryOn.includes(status)
}

/** A redirect is never followed: whoever answers could have our messages, and our key, sent anywhere. */
function explained(error: string, { status, headers }: Answered): string {
  if (status < 300 || status >= 400) return error
  const to = headers['location'] === undefined ? '' : ` to ${headers['location'].slice(0, 200)}`
  return `${error}, a redirect${to}: redirects are not followed; write the address that is meant into base_url or path`
}

function statusText(status: number): string {
  const words = STATUS_CODES[status]
  return words === undefined ? String(status) : `${status} ${words}`
}
