import type { ErrorCode } from '../domain/errors.ts'
import type { Log } from '../ports/log.ts'
import type {
  FiredTicks,
  SchedulePlan,
  ScheduleStore,
  TickToFire,
} from '../ports/schedule-store.ts'
import { writeApart } from './apart.ts'
import type { HeldOff } from './held-off.ts'

/** What firing and planning share. */
export interface WriteParts {
  readonly store: Pick<ScheduleStore, 'fire' | 'plan'>
  readonly log: Log
  readonly heldOff: HeldOff
  /** Whether nothing more is to be begun. */
  readonly isOver: () => boolean
}

/** What no repetition can mend: the row says so, and rests until it is changed. */
const BY_DATA: ReadonlySet<ErrorCode> = new Set([
  'database_data',
  'database_constraint',
  'payload_too_large',
])

/**
 * Fires a batch, and tells `onFired` of each commit. What a row says and the database refuses cannot be a
 * job, and the row says so from then on; whatever else keeps a tick from firing, it is tried again, ever more
 * seldom. Returns how many schedules were moved on.
 * @throws CrossdockError `database_unavailable`
 */
export async function fireTicks(
  parts: WriteParts,
  ticks: readonly TickToFire[],
  onFired: (fired: FiredTicks) => void,
): Promise<number> {
  const { store, log, heldOff, isOver } = parts
  const plans: SchedulePlan[] = []
  const fired = await writeApart(ticks, {
    isOver,
    write: async (some) => {
      const done = await store.fire(some)
      onFired(done)
      for (const id of done.moved) heldOff.delete(id)
      return done.moved.length
    },
    refused: ({ schedule }, error) => {
      if (BY_DATA.has(error.code)) {
        const sentence = `the database takes no job of it: ${error.message}`
        log.warn(
          { schedule: schedule.id, err: error },
          'a schedule cannot run: the database takes no job of it',
        )
        const { id, version } = schedule
        plans.push({ schedule: { id, version }, next: 'never', error: sentence })
      } else if (heldOff.add(schedule) && !error.retryable) {
        log.warn(
          { schedule: schedule.id, err: error },
          'a tick could not be fired; it is tried again, ever more seldom',
        )
      }
    },
  })
  return fired + (await planTicks(parts, plans)).length
}

/**
 * Writes next ticks and errors. Returns the ids of those that were written.
 * @throws CrossdockError `database_unavailable`
 */
export async function planTicks(
  { store, log, heldOff, isOver }: WriteParts,
  plans: readonly SchedulePlan[],
): Promise<readonly string[]> {
  const written: string[] = []
  await writeApart(plans, {
    isOver,
    write: async (some) => {
      const ids = await store.plan(some)
      written.push(...ids)
      for (const id of ids) heldOff.delete(id)
      return ids.length
    },
    refused: ({ schedule }, error) => {
      if (!heldOff.add(schedule) || error.retryable) return
      log.warn(
        { schedule: schedule.id, err: error },
        'the next tick of a schedule could not be written; it is tried again, ever more seldom',
      )
    },
  })
  return written
}
