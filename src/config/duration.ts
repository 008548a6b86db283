import { z } from 'zod'
import { DURATION_TEXT, durationMs, durationText } from '../domain/duration.ts'

const UNIT_WORDS = { ms: 'milliseconds', s: 'seconds' } as const

/** The longest duration that a timer of Node can wait for, in milliseconds: some 24.8 days. */
const LONGEST_TIMER_MS = 2_147_483_647

/** How one key takes its duration. */
export interface DurationRule {
  /** What a plain number counts. */
  readonly unit: 'ms' | 's'
  /** The shortest that is allowed; default 0. */
  readonly minMs?: number
  /** The longest that is allowed; default {@link LONGEST_TIMER_MS}. */
  readonly maxMs?: number
}

/**
 * The schema of a duration: a number in the key's own unit, or text such as `250ms`, `30s`, `5m`,
 * `2h`, `1d`. Its output is milliseconds.
 */
export function duration({ unit, minMs = 0, maxMs = LONGEST_TIMER_MS }: DurationRule) {
  return z
    .union([z.number(), z.string().regex(DURATION_TEXT)])
    .transform((input, context) => {
      const ms = durationMs(input, unit)
      if (ms !== undefined && ms >= minMs && ms <= maxMs) return ms
      context.addIssue({ code: 'custom', message: 'out of range' })
      return z.NEVER
    })
    .meta({ expects: durationWords(unit, minMs, maxMs), term: `duration (${unit})` })
}

/** Like {@link duration}, in whole seconds, rounded up: what the columns of the database hold. */
export function durationSeconds(rule: DurationRule) {
  return duration(rule).transform((ms) => Math.ceil(ms / 1_000))
}

function durationWords(unit: 'ms' | 's', minMs: number, maxMs: number): string {
  const form = `a duration: a number of ${UNIT_WORDS[unit]}, or text such as "250ms", "30s", "5m", "2h"`
  const least = minMs > 0 ? `at least ${durationText(minMs)}` : ''
  const most = maxMs < LONGEST_TIMER_MS ? `at most ${durationText(maxMs)}` : ''
  const bounds = [least, most].filter((bound) => bound !== '').join(' and ')
  return bounds === '' ? form : `${form}; ${bounds}`
}
