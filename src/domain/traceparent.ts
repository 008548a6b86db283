const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/**
 * A `traceparent` that came from outside, or `undefined` when it is not one.
 * Source: W3C Trace Context, section 3.2; the longer forms of later versions are not taken.
 */
export function validTraceparent(value: string | undefined): string | undefined {
  return value !== undefined && TRACEPARENT.test(value) ? value : undefined
}
