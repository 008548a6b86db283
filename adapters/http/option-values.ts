import { z } from 'zod'
import { DURATION_TEXT, durationMs, durationText } from '../../src/domain/duration.ts'

/** A name that a header may have. Source: RFC 9110, section 5.6.2. */
export const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** A value that a header may have, in characters that every server reads alike. */
export const HEADER_TEXT = /^[\t\x20-\x7e]*$/

/** PEM text, usually of a file. */
export const pem = z
  .string()
  .regex(/-----BEGIN /)
  .meta({ expects: 'PEM text, usually "${file:PATH}"', term: 'PEM text' })

/** A duration whose plain number counts milliseconds; its output is milliseconds. */
export function milliseconds({ minMs, maxMs }: { readonly minMs: number; readonly maxMs: number }) {
  return z
    .union([z.number(), z.string().regex(DURATION_TEXT)])
    .transform((input, context) => {
      const ms = durationMs(input, 'ms')
      if (ms !== undefined && ms >= minMs && ms <= maxMs) return ms
      context.addIssue({ code: 'custom', message: 'out of range' })
      return z.NEVER
    })
    .meta({
      expects: `a duration: a number of milliseconds, or text such as "250ms", "30s"; at least ${durationText(minMs)} and at most ${durationText(maxMs)}`,
      term: 'duration (ms)',
    })
}
