import type { Ticks } from '../../domain/ticks.ts'
import type { WallTimes } from './expression.ts'
import type { Stretch, Zone } from './zone.ts'

/**
 * The instants of a cron expression in a time zone, by Debian's rule. A time of the day that is skipped
 * when the clock is put forward fires once, right after the gap; one that is repeated when the clock is
 * put back fires once, the first time. What follows real time fires whenever the clock shows it: not in a
 * skipped hour, twice in a repeated one.
 */
export function cronTicks(walls: WallTimes, zone: Zone): Ticks {
  /** The first wall-clock time of a stretch that was not seen in the one before. */
  function firstWall({ from, offset, offsetBefore }: Stretch): number {
    return from + (walls.followsRealTime ? offset : Math.max(offset, offsetBefore))
  }

  /** Whether a time of the day falls into the gap that a stretch begins with. */
  function skipsOne({ from, offset, offsetBefore }: Stretch): boolean {
    if (walls.followsRealTime || offsetBefore >= offset) return false
    const wall = walls.atOrAfter(from + offsetBefore)
    return wall !== undefined && wall < from + offset
  }

  return {
    after: (instant) => {
      let stretch = zone.stretchAt(instant)
      for (;;) {
        const { from, to, offset } = stretch
        if (from > instant && skipsOne(stretch)) return from
        const wall = walls.atOrAfter(Math.max(firstWall(stretch), instant + offset + 1))
        if (wall === undefined) return undefined
        if (wall < to + offset) return wall - offset
        stretch = zone.stretchAt(to)
      }
    },
    notAfter: (instant) => {
      let stretch = zone.stretchAt(instant)
      for (;;) {
        const { from, to, offset } = stretch
        const wall = walls.atOrBefore(Math.min(instant, to - 1) + offset)
        if (wall !== undefined && wall >= firstWall(stretch)) return wall - offset
        if (skipsOne(stretch)) return from
        if (wall === undefined) return undefined
        stretch = zone.stretchAt(from - 1)
      }
    },
  }
}
