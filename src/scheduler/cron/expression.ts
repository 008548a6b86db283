import { CronExpressionParser } from 'cron-parser'
import { errorMessage } from '../../domain/errors.ts'

/** A cron expression over wall-clock times, which are written as if they were UTC. In milliseconds. */
export interface WallTimes {
  /** The first one at or after `wall`; `undefined`: none in the next {@link REACH_MS}. */
  atOrAfter(wall: number): number | undefined
  /** The last one at or before `wall`; `undefined`: none in the {@link REACH_MS} before. */
  atOrBefore(wall: number): number | undefined
  /**
   * Whether it follows real time where the clock is put forward or back: its minute or its hour is `*`,
   * with or without a step. Others name times of the day.
   */
  readonly followsRealTime: boolean
}

/** The 29th of February on one day of the week comes back within 40 years. */
const REACH_MS = 50 * 366 * 86_400_000

/** Names whose minute or hour is `*`. */
const REAL_TIME_NAMES = new Set(['@hourly', '@minutely', '@secondly'])

const STAR = /(^|,)[*?]/

/**
 * Reads a cron expression: five fields, six with seconds in front, or a name such as `@daily`. The library
 * only enumerates wall-clock times in UTC: with a zone of its own it skips 02:15 where the clock goes
 * from 02:00 to 02:30, and counts a repeated hour once where real time has two.
 * @param seed what `H` is drawn by: one schedule has the same times on every instance
 * @returns what is wrong with it, where it is none
 */
export function readCron(text: string, seed: string): WallTimes | { readonly problem: string } {
  const trimmed = text.trim()
  const expression = trimmed.startsWith('@') ? trimmed.toLowerCase() : trimmed
  const fields = expression === '' ? [] : expression.split(/\s+/)
  // The library would fill up what is missing.
  if (!expression.startsWith('@') && fields.length !== 5 && fields.length !== 6) {
    return { problem: `it has ${fields.length} fields, not five, or six with seconds in front` }
  }
  try {
    return wallTimes(expression, fields, seed)
  } catch (error) {
    return { problem: errorMessage(error) }
  }
}

function wallTimes(expression: string, fields: readonly string[], seed: string): WallTimes {
  const parsed = CronExpressionParser.parse(expression, { tz: 'UTC', hashSeed: seed })
  const [hour = '', minute = ''] = fields.toReversed().slice(3)
  return {
    followsRealTime:
      REAL_TIME_NAMES.has(expression) ||
      (fields.length > 1 && (STAR.test(minute) || STAR.test(hour))),
    atOrAfter: (wall) =>
      found(() => {
        // `next` is strictly after.
        parsed.reset(new Date(Math.ceil(wall / 1000) * 1000 - 1000))
        return parsed.next().getTime()
      }, wall),
    atOrBefore: (wall) =>
      found(() => {
        parsed.reset(new Date(Math.floor(wall / 1000) * 1000 + 1000))
        return parsed.prev().getTime()
      }, wall),
  }
}

/** The library gives up after 10,000 steps, which is how it says that there is none. */
function found(search: () => number, wall: number): number | undefined {
  try {
    const time = search()
    return Math.abs(time - wall) <= REACH_MS ? time : undefined
  } catch {
    return undefined
  }
}
