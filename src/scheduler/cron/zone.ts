/** A stretch of time in which a zone's clock runs evenly. Instants in milliseconds since 1970. */
export interface Stretch {
  readonly from: number
  /** The first instant that is not in it any more. */
  readonly to: number
  /** What the wall clock is ahead of UTC, in milliseconds. */
  readonly offset: number
  /** The same in the stretch before. More: at `from` an hour was repeated; less: one was skipped. */
  readonly offsetBefore: number
}

/** A time zone: where its clock was put forward and back. */
export interface Zone {
  stretchAt(instant: number): Stretch
}

/** Where a zone's clock is put forward or back. */
interface Change {
  readonly at: number
  readonly before: number
  readonly after: number
}

const HOUR_MS = 3_600_000

/** No zone has put its clock forward and back again within this time. */
const SAMPLE_MS = 6 * HOUR_MS

/** Clocks change on whole seconds. */
const PRECISION_MS = 1_000

const zones = new Map<string, Zone>()

/**
 * A time zone by its IANA name, as Node's own tables have it; kept once it was asked for.
 * @throws RangeError for a name that is none
 */
export function zoneOf(name: string): Zone {
  const known = zones.get(name)
  if (known !== undefined) return known
  const zone = makeZone(name)
  zones.set(name, zone)
  return zone
}

function makeZone(name: string): Zone {
  const offsetAt = offsetsOf(name)
  const years = new Map<number, readonly Change[]>()

  function changesIn(year: number): readonly Change[] {
    let changes = years.get(year)
    if (changes === undefined) {
      changes = findChanges(offsetAt, Date.UTC(year, 0), Date.UTC(year + 1, 0))
      years.set(year, changes)
    }
    return changes
  }

  return {
    // A stretch ends a year away at the latest: no tick is lost or doubled where nothing changes.
    stretchAt: (instant) => {
      const year = new Date(instant).getUTCFullYear()
      const changes = [year - 1, year, year + 1].flatMap(changesIn)
      const begin = changes.findLast(({ at }) => at <= instant)
      const end = changes.find(({ at }) => at > instant)
      const offset = begin?.after ?? end?.before ?? offsetAt(instant)
      return {
        from: begin?.at ?? Date.UTC(year - 1, 0),
        to: end?.at ?? Date.UTC(year + 2, 0),
        offset,
        offsetBefore: begin?.before ?? offset,
      }
    },
  }
}

/** Compares samples, and halves the time between two that differ. */
function findChanges(
  offsetAt: (instant: number) => number,
  from: number,
  to: number,
): readonly Change[] {
  const changes: Change[] = []
  let before = offsetAt(from - 1)
  for (let at = from; at < to; at += SAMPLE_MS) {
    const after = offsetAt(Math.min(at + SAMPLE_MS, to) - 1)
    if (after === before) continue
    let low = at - PRECISION_MS
    let high = Math.min(at + SAMPLE_MS, to) - PRECISION_MS
    while (high - low > PRECISION_MS) {
      const middle = low + Math.floor((high - low) / 2 / PRECISION_MS) * PRECISION_MS
      if (offsetAt(middle) === before) low = middle
      else high = middle
    }
    changes.push({ at: high, before, after })
    before = after
  }
  return changes
}

/** How far the wall clock of a zone is ahead of UTC, in milliseconds, at an instant. */
function offsetsOf(name: string): (instant: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: name,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  return (instant) => {
    const parts = new Map(format.formatToParts(instant).map(({ type, value }) => [type, value]))
    const field = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type))
    const wall = Date.UTC(
      field('year'),
      field('month') - 1,
      field('day'),
      field('hour'),
      field('minute'),
      field('second'),
    )
    return wall - Math.floor(instant / PRECISION_MS) * PRECISION_MS
  }
}
