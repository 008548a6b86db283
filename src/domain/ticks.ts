/** The due times of a schedule: instants in milliseconds since 1970, each a whole second after its anchor. */
export interface Ticks {
  /** The first tick after `instant`; `undefined`: there is none. */
  after(instant: number): number | undefined
  /** The last tick that is not after `instant`; `undefined`: there was none. */
  notAfter(instant: number): number | undefined
}

/** Both databases keep times until the end of the year 9999; its last day stands for "never". */
const LAST_TICK = Date.UTC(9999, 11, 30)

/**
 * Every `intervalSeconds`, counted from an anchor, so that they do not drift: an instance that was late
 * for one tick is not late for the next.
 * @param options.first the number of the first tick: 0, the anchor itself, or 1, one interval later
 */
export function intervalTicks(options: {
  readonly anchor: number
  readonly intervalSeconds: number
  readonly first: 0 | 1
}): Ticks {
  const { anchor, first } = options
  const intervalMs = options.intervalSeconds * 1000
  const at = (number: number): number => anchor + number * intervalMs
  const countedUntil = (instant: number): number => Math.floor((instant - anchor) / intervalMs)
  return {
    after: (instant) => at(Math.max(first, countedUntil(instant) + 1)),
    notAfter: (instant) => {
      const number = countedUntil(instant)
      return number < first ? undefined : at(number)
    },
  }
}

/**
 * The same ticks, the gap that was found last kept: of ten thousand schedules of one cron expression that are
 * due at once, one is searched for.
 */
export function rememberedTicks(ticks: Ticks): Ticks {
  let ahead = { from: 0, to: 0 }
  let behind = { from: 0, to: -1 }
  return {
    after: (instant) => {
      if (instant >= ahead.from && instant < ahead.to) return ahead.to
      const to = ticks.after(instant)
      if (to !== undefined) ahead = { from: instant, to }
      return to
    },
    notAfter: (instant) => {
      if (instant >= behind.from && instant <= behind.to) return behind.from
      const from = ticks.notAfter(instant)
      if (from !== undefined) behind = { from, to: instant }
      return from
    },
  }
}

/** The ticks from `startAt` to `endAt`, both included; `null`: no bound. */
export function ticksBetween(
  ticks: Ticks,
  { startAt, endAt }: { readonly startAt: number | null; readonly endAt: number | null },
): Ticks {
  const first = startAt ?? Number.NEGATIVE_INFINITY
  const last = Math.min(endAt ?? LAST_TICK, LAST_TICK)
  return {
    after: (instant) => {
      const tick = ticks.after(Math.max(instant, first - 1))
      return tick !== undefined && tick <= last ? tick : undefined
    },
    notAfter: (instant) => {
      const tick = ticks.notAfter(Math.min(instant, last))
      return tick !== undefined && tick >= first ? tick : undefined
    },
  }
}
