import type { Clock } from '../ports/clock.ts'
import type { ScheduleKey } from '../ports/schedule-store.ts'

/** Schedules that could not be written a moment ago, and are left alone for a while. */
export interface HeldOff {
  /** Holds one off, for longer each time. Returns whether it is the first time since it was as it is. */
  add(schedule: ScheduleKey): boolean
  /** Whether one is to be left alone now. One that was changed is not. */
  has(schedule: ScheduleKey): boolean
  /** Forgets one: it was written. */
  delete(id: string): void
  size(): number
}

/** The first pause and the longest, in milliseconds; it doubles. */
const PAUSE_MS = { first: 1_000, longest: 60_000 }

/** Beyond these the one that was held off first is forgotten, and tried again. */
const MAX_HELD_OFF = 10_000

/** What keeps being refused must not cost the others a transaction each time they are looked at. */
export function createHeldOff(clock: Clock): HeldOff {
  const entries = new Map<string, { version: string; until: number; pauseMs: number }>()

  function find({ id, version }: ScheduleKey) {
    const entry = entries.get(id)
    return entry?.version === version.modifiedOn ? entry : undefined
  }

  return {
    add: (schedule) => {
      const former = find(schedule)
      const pauseMs =
        former === undefined ? PAUSE_MS.first : Math.min(former.pauseMs * 2, PAUSE_MS.longest)
      entries.delete(schedule.id)
      entries.set(schedule.id, {
        version: schedule.version.modifiedOn,
        until: clock.monotonicMs() + pauseMs,
        pauseMs,
      })
      const [oldest] = entries.keys()
      if (entries.size > MAX_HELD_OFF && oldest !== undefined) entries.delete(oldest)
      return former === undefined
    },
    has: (schedule) => {
      const entry = find(schedule)
      return entry !== undefined && entry.until > clock.monotonicMs()
    },
    delete: (id) => {
      entries.delete(id)
    },
    size: () => entries.size,
  }
}
