import { type DaysOfMonth, readDays } from './days.ts'
import { CronProblem, type FieldRule, type FieldValues, readField } from './field.ts'

/** A cron expression over wall-clock times, which are written as if they were UTC. In milliseconds. */
export interface WallTimes {
  /** The first one at or after `wall`; `undefined`: none in the next {@link REACH_YEARS}. */
  atOrAfter(wall: number): number | undefined
  /** The last one at or before `wall`; `undefined`: none in the {@link REACH_YEARS} before. */
  atOrBefore(wall: number): number | undefined
  /**
   * Whether it follows real time where the clock is put forward or back: its minute or its hour is `*`,
   * with or without a step. Others name times of the day.
   */
  readonly followsRealTime: boolean
}

/** The 29th of February on one day of the week comes back within 40 years. */
const REACH_YEARS = 50

const NAMES: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekdays': '0 0 * * 1-5',
  '@weekends': '0 0 * * 0,6',
  '@hourly': '0 * * * *',
  '@minutely': '* * * * *',
  '@secondly': '* * * * * *',
}

const SECOND: FieldRule = { name: 'second', min: 0, max: 59 }
const MINUTE: FieldRule = { name: 'minute', min: 0, max: 59 }
const HOUR: FieldRule = { name: 'hour', min: 0, max: 23 }
const MONTH: FieldRule = {
  name: 'month',
  min: 1,
  max: 12,
  names: ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'],
}

const STAR = /(?:^|,)\*/

/**
 * Reads a cron expression: five fields, six with seconds in front, or a name such as `@daily`.
 * @param seed what `H` is drawn by: one schedule has the same times on every instance
 * @returns what is wrong with it, where it is none
 */
export function readCron(text: string, seed: string): WallTimes | { readonly problem: string } {
  const trimmed = text.trim()
  const named = NAMES[trimmed.toLowerCase()]
  if (trimmed.startsWith('@') && named === undefined) {
    return { problem: `the name is none: there are ${Object.keys(NAMES).join(', ')}` }
  }
  const expression = named ?? trimmed
  const fields = expression === '' ? [] : expression.split(/\s+/)
  if (fields.length !== 5 && fields.length !== 6) {
    return { problem: `it has ${fields.length} fields, not five, or six with seconds in front` }
  }
  const [weekday = '', month = '', day = '', hour = '', minute = '', second = '0'] =
    fields.toReversed()
  try {
    return wallTimes({
      times: {
        seconds: readField(second, SECOND, seed),
        minutes: readField(minute, MINUTE, seed),
        hours: readField(hour, HOUR, seed),
      },
      months: readField(month, MONTH, seed),
      days: readDays(day, weekday, seed),
      followsRealTime: STAR.test(minute) || STAR.test(hour),
    })
  } catch (error) {
    if (error instanceof CronProblem) return { problem: error.message }
    throw error
  }
}

/** The times of a day, each field sorted. */
interface TimesOfDay {
  readonly hours: FieldValues
  readonly minutes: FieldValues
  readonly seconds: FieldValues
}

/** Walks month by month, since most have the same few days; a month is some microseconds. */
function wallTimes(parts: {
  readonly times: TimesOfDay
  readonly months: FieldValues
  readonly days: DaysOfMonth
  readonly followsRealTime: boolean
}): WallTimes {
  const { times, months, days } = parts
  const { followsRealTime } = parts
  return {
    followsRealTime,
    atOrAfter: (wall) => {
      const from = new Date(Math.ceil(wall / 1000) * 1000)
      const [year, month] = [from.getUTCFullYear(), from.getUTCMonth() + 1]
      for (let step = 0; step <= REACH_YEARS * 12; step += 1) {
        const [atYear, atMonth] = monthAfter(year, month, step)
        if (!months.includes(atMonth)) continue
        for (const day of days(atYear, atMonth)) {
          const midnight = Date.UTC(atYear, atMonth - 1, day)
          const time = firstTime(times, Math.max(0, from.getTime() - midnight) / 1000)
          if (time !== undefined) return midnight + time * 1000
        }
      }
      return undefined
    },
    atOrBefore: (wall) => {
      const to = new Date(Math.floor(wall / 1000) * 1000)
      const [year, month] = [to.getUTCFullYear(), to.getUTCMonth() + 1]
      for (let step = 0; step <= REACH_YEARS * 12; step += 1) {
        const [atYear, atMonth] = monthAfter(year, month, -step)
        if (!months.includes(atMonth)) continue
        for (const day of days(atYear, atMonth).toReversed()) {
          const midnight = Date.UTC(atYear, atMonth - 1, day)
          const time = lastTime(times, (to.getTime() - midnight) / 1000)
          if (time !== undefined) return midnight + time * 1000
        }
      }
      return undefined
    },
  }
}

function monthAfter(year: number, month: number, step: number): readonly [number, number] {
  const count = year * 12 + (month - 1) + step
  return [Math.floor(count / 12), (((count % 12) + 12) % 12) + 1]
}

/** The first time of a day at or after `from`, in seconds; beyond the day there is none. */
function firstTime({ hours, minutes, seconds }: TimesOfDay, from: number): number | undefined {
  if (from >= 86_400) return undefined
  for (const hour of hours) {
    if (hour * 3600 + 3599 < from) continue
    for (const minute of minutes) {
      const begin = hour * 3600 + minute * 60
      if (begin + 59 < from) continue
      const second = seconds.find((each) => begin + each >= from)
      if (second !== undefined) return begin + second
    }
  }
  return undefined
}

/** The last time of a day at or before `to`, in seconds; before the day there is none. */
function lastTime({ hours, minutes, seconds }: TimesOfDay, to: number): number | undefined {
  if (to < 0) return undefined
  for (const hour of hours.toReversed()) {
    if (hour * 3600 > to) continue
    for (const minute of minutes.toReversed()) {
      const begin = hour * 3600 + minute * 60
      if (begin > to) continue
      const second = seconds.findLast((each) => begin + each <= to)
      if (second !== undefined) return begin + second
    }
  }
  return undefined
}
