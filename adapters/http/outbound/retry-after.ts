/** The longest that a far side can put a message off. It comes from outside, and may be anything. */
const MAX_RETRY_AFTER_MS = 3_600_000

/** Seconds, or a date in the one form that senders write. Source: RFC 9110, sections 5.6.7 and 10.2.3. */
const SECONDS = /^\d{1,12}$/
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/**
 * How long a far side wants to be left alone, in milliseconds, at most an hour; `undefined`: it does not say,
 * or nothing that can be read. A date is compared with the far side's own clock where it told it: clocks differ.
 * @param now milliseconds since 1970
 */
export function retryAfterMs(
  {
    retryAfter,
    date,
  }: { readonly retryAfter: string | undefined; readonly date: string | undefined },
  now: number,
): number | undefined {
  const text = retryAfter?.trim() ?? ''
  const ms = SECONDS.test(text)
    ? Number(text) * 1_000
    : untilDate(text, httpDate(date?.trim()) ?? now)
  if (ms === undefined || ms <= 0) return undefined
  return Math.min(ms, MAX_RETRY_AFTER_MS)
}

function untilDate(text: string, from: number): number | undefined {
  const until = httpDate(text)
  return until === undefined ? undefined : until - from
}

function httpDate(text: string | undefined): number | undefined {
  if (text === undefined || !HTTP_DATE.test(text)) return undefined
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms
}
