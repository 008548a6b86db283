const DAY_MS = 86_400_000
const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']

/** Whether a day is one of an expression's: slow, and by looking at every day of its month. */
export function referenceDay(dayField: string, weekdayField: string, at: number): boolean {
  const month = daysOfMonth(at)
  const any = (field: string): boolean => field === '*' || field === '?'
  const day = dayField.split(',').some((item) => isDay(item, at, month))
  const weekday = weekdayField.split(',').some((item) => isWeekday(item, at, month))
  if (any(dayField)) return any(weekdayField) || weekday
  return any(weekdayField) ? day : day || weekday
}

const months = new Map<string, readonly number[]>()

/** Midnight of every day of the month that `at` is in. */
function daysOfMonth(at: number): readonly number[] {
  const name = new Date(at).toISOString().slice(0, 7)
  const known = months.get(name)
  if (known !== undefined) return known
  const month = new Date(at).getUTCMonth()
  const days: number[] = []
  for (let day = at - 31 * DAY_MS; day <= at + 31 * DAY_MS; day += DAY_MS) {
    const near = Math.abs(day - at) < 31 * DAY_MS
    if (near && new Date(day).getUTCMonth() === month) days.push(day)
  }
  months.set(name, days)
  return days
}

const dateOf = (at: number): number => new Date(at).getUTCDate()
const weekdayOf = (at: number): number => new Date(at).getUTCDay()
const isWorkday = (at: number): boolean => weekdayOf(at) > 0 && weekdayOf(at) < 6

function isDay(item: string, at: number, month: readonly number[]): boolean {
  if (item === '*' || item === '?') return false
  const [range = '', step = '1'] = item.split('/')
  if (/^\d+-\d+$/.test(range)) {
    const [from, to] = range.split('-').map(Number)
    const date = dateOf(at)
    return date >= from! && date <= to! && (date - from!) % Number(step) === 0
  }
  const fromLast = /^L(?:-(\d+))?/.exec(item)
  const wanted = fromLast === null ? parseInt(item, 10) : month.length - Number(fromLast[1] ?? 0)
  const target = month.find((day) => dateOf(day) === wanted)
  if (target === undefined) return false
  if (!item.endsWith('W')) return at === target
  const workdays = month.filter(isWorkday)
  const distance = (day: number): number => Math.abs(day - target)
  return at === workdays.toSorted((one, other) => distance(one) - distance(other))[0]
}

function isWeekday(item: string, at: number, month: readonly number[]): boolean {
  if (item === '*' || item === '?') return false
  const number = (text: string): number =>
    WEEKDAYS.includes(text) ? WEEKDAYS.indexOf(text) : Number(text)
  const weekday = weekdayOf(at)
  if (item.includes('-')) {
    const [from, to] = item.split('-').map(number)
    return [weekday, weekday + 7].some((value) => value >= from! && value <= to!)
  }
  const [, name = '', which] = /^(\w+?)(?:#(\d)|L)?$/.exec(item)!
  const same = month.filter((day) => weekdayOf(day) === number(name) % 7)
  if (which !== undefined) return at === same[Number(which) - 1]
  return item.endsWith('L') ? at === same.at(-1) : same.includes(at)
}
