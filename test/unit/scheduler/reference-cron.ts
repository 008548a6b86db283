/** What every clock of a zone shows, minute by minute; times are written as if they were UTC. */
export interface ShownMinutes {
  readonly from: number
  readonly walls: readonly number[]
}

const MINUTE_MS = 60_000

/** Asks Intl what the clock of a zone shows, at each minute from `from` to `to`. */
export function shownMinutes(zone: string, from: number, to: number): ShownMinutes {
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    dateStyle: 'short',
    timeStyle: 'short',
  })
  const walls: number[] = []
  for (let instant = from; instant < to; instant += MINUTE_MS) {
    walls.push(Date.parse(`${format.format(instant).replace(' ', 'T')}:00Z`))
  }
  return { from, walls }
}

/**
 * The ticks of a five-field expression of numbers, lists, ranges, stars and steps: slow, and obviously
 * right. The clock is watched minute by minute. A time of the day fires when it is shown for the first time,
 * or skipped; what has a star in its minute or hour fires whenever it is shown.
 */
export function referenceTicks(expression: string, { from, walls }: ShownMinutes): number[] {
  const matches = matcher(expression)
  const [minute = '', hour = ''] = expression.split(' ')
  const followsRealTime = minute.startsWith('*') || hour.startsWith('*')
  const ticks: number[] = []
  let latest = walls[0]! - MINUTE_MS
  for (const [index, wall] of walls.entries()) {
    const instant = from + index * MINUTE_MS
    if (followsRealTime) {
      if (matches(wall)) ticks.push(instant)
      continue
    }
    // Every minute that the clock has passed since it last showed something new; mostly one.
    let passed = latest + MINUTE_MS
    let fires = false
    for (; passed <= wall; passed += MINUTE_MS) fires ||= matches(passed)
    if (fires) ticks.push(instant)
    latest = Math.max(latest, wall)
  }
  return ticks
}

function matcher(expression: string): (wall: number) => boolean {
  const fields = expression.split(' ')
  const [minutes, hours, days, months, weekdays] = [
    valuesOf(fields[0]!, 0, 59),
    valuesOf(fields[1]!, 0, 23),
    valuesOf(fields[2]!, 1, 31),
    valuesOf(fields[3]!, 1, 12),
    valuesOf(fields[4]!, 0, 7),
  ]
  if (weekdays.has(7)) weekdays.add(0)
  return (wall) => {
    const shown = new Date(wall)
    if (!minutes.has(shown.getUTCMinutes()) || !hours.has(shown.getUTCHours())) return false
    if (!months.has(shown.getUTCMonth() + 1)) return false
    const day = days.has(shown.getUTCDate())
    const weekday = weekdays.has(shown.getUTCDay())
    return fields[2] !== '*' && fields[4] !== '*' ? day || weekday : day && weekday
  }
}

function valuesOf(field: string, min: number, max: number): Set<number> {
  const values = new Set<number>()
  for (const item of field.split(',')) {
    const [range = '', step = '1'] = item.split('/')
    const [first, last] = range === '*' ? [min, max] : range.split('-').map(Number)
    for (let value = first!; value <= (last ?? first!); value += Number(step)) values.add(value)
  }
  return values
}
