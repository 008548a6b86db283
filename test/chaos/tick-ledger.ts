/** A time in which no instance lived, in milliseconds since 1970: from the kill of the last to the first that was ready again. */
export interface DarkTime {
  readonly from: number
  readonly until: number
}

/** What a schedule did: each of its jobs, by its tick, and the tick that comes next. */
export interface FiredSchedule {
  readonly misfire: 'fire_all' | 'fire_once' | 'skip'
  readonly everyMs: number
  /** The earliest tick first. */
  readonly jobs: readonly { readonly tick: number; readonly insertedAt: number }[]
  readonly nextRunAt: number
}

/** What is wrong with the ticks of a schedule, and how many its policy left out. */
export interface TickVerdict {
  readonly problems: readonly string[]
  readonly leftOut: number
}

/** An instance that lives fires a tick, and inserts its job, so soon: the machine may have much else to do. In milliseconds. */
const SLACK_MS = 3_000

/**
 * Holds the jobs of a schedule against its ticks. Each tick has one job, but for what fell due while nobody lived, or
 * while those who did were late (`isLate`, by what another schedule of the same ticks shows): of that `fire_all` leaves
 * nothing out, `fire_once` everything but the latest, and `skip` what is older than `graceMs` when the first one looks again.
 */
export function judgeTicks(
  { misfire, everyMs, jobs, nextRunAt }: FiredSchedule,
  {
    dark,
    graceMs,
    isLate = () => false,
  }: {
    readonly dark: readonly DarkTime[]
    readonly graceMs: number
    readonly isLate?: (tick: number) => boolean
  },
): TickVerdict {
  const problems: string[] = []
  let leftOut = 0
  const at = (time: number): string => new Date(time).toISOString()
  const isDark = (tick: number): boolean =>
    dark.some(({ from, until }) => tick >= from - SLACK_MS && tick <= until + SLACK_MS)
  const first = jobs[0]?.tick ?? nextRunAt
  let expected = first
  for (const { tick, insertedAt } of [...jobs, { tick: nextRunAt, insertedAt: Infinity }]) {
    if (tick < expected) problems.push(`${at(tick)} fired twice`)
    if ((tick - expected) % everyMs !== 0) problems.push(`${at(tick)} is no tick`)
    for (; expected < tick; expected += everyMs) {
      leftOut += 1
      const mayMiss = isDark(expected) || isLate(expected)
      if (misfire === 'fire_all' || !mayMiss) problems.push(`${at(expected)} has no job`)
    }
    expected = tick + everyMs
    const lateMs = insertedAt - tick
    if (insertedAt < tick) problems.push(`${at(tick)} fired ${-lateMs} ms early`)
    if (insertedAt === Infinity) continue
    if (misfire === 'fire_once' && lateMs > everyMs + SLACK_MS) {
      problems.push(`${at(tick)} was not the latest: it fired ${lateMs} ms late`)
    }
    if (misfire === 'skip' && lateMs > graceMs + SLACK_MS) {
      problems.push(`${at(tick)} was to be skipped: it fired ${lateMs} ms late`)
    }
  }
  return { problems, leftOut }
}
