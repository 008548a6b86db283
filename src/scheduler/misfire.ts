import type { Ticks } from '../domain/ticks.ts'
import type { NextTick } from '../ports/schedule-store.ts'

/** Which of the due ticks are fired now, and when to look again. */
export interface DueTicks {
  /** The earliest first; `due`: the very time in the row. */
  readonly fires: readonly (number | 'due')[]
  /** May be due already: then it goes on at once. */
  readonly next: NextTick
}

/** Of ticks that `fire_all` makes up for, the latest so many; those before them are lost. */
const MAX_CAUGHT_UP = 1_000

/**
 * Chooses among the ticks from `dueAt` to `now`. A `dueAt` that is no tick was written by somebody, who wants
 * it to fire: it stands for a tick where none has come since.
 *
 * `fire_once`: the latest one. `skip`: the latest one, unless it is older than `graceMs`: until then nobody may
 * have been able to see it. `fire_all`: each, `most` at a time, up to the latest {@link MAX_CAUGHT_UP}.
 */
export function dueTicks(
  ticks: Ticks,
  options: {
    readonly policy: string
    readonly dueAt: number
    readonly now: number
    readonly graceMs: number
    readonly most: number
  },
): DueTicks {
  const { policy, dueAt, now } = options
  // The clock is read before the rows: a tick may be due that lies after it.
  const following = ticks.after(Math.max(now, dueAt)) ?? 'never'
  const latest = Math.max(ticks.notAfter(now) ?? dueAt, dueAt)
  if (policy === 'fire_all') {
    const all = missedTicks(ticks, dueAt, latest)
    const fires = all.slice(0, options.most)
    return {
      fires: fires.map((tick) => (tick === dueAt ? 'due' : tick)),
      next: all[fires.length] ?? following,
    }
  }
  if (policy === 'skip' && now - latest > options.graceMs) return { fires: [], next: following }
  return { fires: [latest > dueAt ? latest : 'due'], next: following }
}

/** From `dueAt` to `latest`, both included; of more than {@link MAX_CAUGHT_UP} the latest. */
function missedTicks(ticks: Ticks, dueAt: number, latest: number): readonly number[] {
  const all = [dueAt]
  for (let tick = ticks.after(dueAt); tick !== undefined && tick <= latest;) {
    all.push(tick)
    if (all.length > MAX_CAUGHT_UP) return latestTicks(ticks, latest)
    tick = ticks.after(tick)
  }
  return all
}

function latestTicks(ticks: Ticks, latest: number): readonly number[] {
  const all: number[] = []
  for (let tick: number | undefined = latest; tick !== undefined && all.length < MAX_CAUGHT_UP;) {
    all.push(tick)
    tick = ticks.notAfter(tick - 1)
  }
  return all.toReversed()
}
