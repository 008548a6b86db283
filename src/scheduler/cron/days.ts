import { type FieldRule, problem, readField, readValue } from './field.ts'

/** Whether a day fits; `last` is the last day of its month, `weekday` 0 a Sunday. */
type DayTest = (date: {
  readonly day: number
  readonly last: number
  readonly weekday: number
}) => boolean

/** The days of a month that an expression names. */
export type DaysOfMonth = (year: number, month: number) => readonly number[]

const DAY: FieldRule = { name: 'day of the month', min: 1, max: 31, maxDrawn: 28 }
const WEEKDAY: FieldRule = {
  name: 'day of the week',
  min: 0,
  max: 7,
  names: ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'],
  maxDrawn: 6,
}

const DAY_MS = 86_400_000

/**
 * Reads both fields of days. Where both name days, one of them is enough: `0 0 13 * FRI` is every 13th and every
 * Friday. `*` and `?` name none.
 * @throws CronProblem
 */
export function readDays(dayField: string, weekdayField: string, seed: string): DaysOfMonth {
  const day = isAny(dayField) ? undefined : dayTest(dayField, seed)
  const weekday = isAny(weekdayField) ? undefined : weekdayTest(weekdayField, seed)
  const tests = [day, weekday].filter((test) => test !== undefined)
  let kept:
    { readonly year: number; readonly month: number; readonly days: readonly number[] } | undefined
  return (year, month) => {
    if (kept?.year === year && kept.month === month) return kept.days
    const first = Date.UTC(year, month - 1, 1)
    const last = Math.round((Date.UTC(year, month, 1) - first) / DAY_MS)
    const firstWeekday = new Date(first).getUTCDay()
    const days: number[] = []
    for (let date = 1; date <= last; date += 1) {
      const what = { day: date, last, weekday: (firstWeekday + date - 1) % 7 }
      if (tests.length === 0 || tests.some((test) => test(what))) days.push(date)
    }
    kept = { year, month, days }
    return days
  }
}

function isAny(field: string): boolean {
  return field === '*' || field === '?'
}

function anyOf(field: string, read: (item: string) => DayTest): DayTest {
  const tests = field.split(',').map(read)
  return (date) => tests.some((test) => test(date))
}

function dayTest(field: string, seed: string): DayTest {
  return anyOf(field, (item) => {
    const special = /^L(?:-(\d{1,2}))?(W)?$/i.exec(item)
    if (special !== null) {
      const before = Number(special[1] ?? 0)
      if (before > 30) throw problem(item, DAY, 'is more than 30 days before the last')
      const target = (last: number): number => last - before
      if (special[2] === undefined) return ({ day, last }) => day === target(last)
      return (date) => isNearest(date, target(date.last))
    }
    const nearest = /^(\d{1,2})W$/i.exec(item)
    if (nearest !== null) {
      const target = readValue(nearest[1] ?? '', item, DAY)
      return (date) => target <= date.last && isNearest(date, target)
    }
    const values = new Set(readField(item, DAY, seed))
    return ({ day }) => values.has(day)
  })
}

/** Whether a day is the one from Monday to Friday that is nearest to `target`, in the same month. */
function isNearest({ day, last, weekday }: Parameters<DayTest>[0], target: number): boolean {
  if (target < 1) return false
  const wanted = (((weekday + target - day) % 7) + 7) % 7
  if (wanted === 6) return day === (target === 1 ? target + 2 : target - 1)
  if (wanted === 0) return day === (target === last ? target - 2 : target + 1)
  return day === target
}

function weekdayTest(field: string, seed: string): DayTest {
  return anyOf(field, (item) => {
    const last = /^(\w+)L$/i.exec(item)
    if (last !== null) {
      const wanted = readValue(last[1] ?? '', item, WEEKDAY) % 7
      return (date) => date.weekday === wanted && date.day + 7 > date.last
    }
    if (/^L$/i.test(item))
      throw problem(item, WEEKDAY, 'names no day: write 5L or FRIL for the last Friday')
    const numbered = /^(\w+)#(\w+)$/.exec(item)
    if (numbered !== null) {
      const wanted = readValue(numbered[1] ?? '', item, WEEKDAY) % 7
      const which = Number(numbered[2])
      if (!(which >= 1 && which <= 5))
        throw problem(item, WEEKDAY, 'has no number from 1 to 5 behind its #')
      return ({ day, weekday }) => weekday === wanted && Math.ceil(day / 7) === which
    }
    const values = new Set(readField(item, WEEKDAY, seed).map((value) => value % 7))
    return ({ weekday }) => values.has(weekday)
  })
}
