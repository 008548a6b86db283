import type { Log } from '../ports/log.ts'
import type {
  FiredTicks,
  SchedulePlan,
  ScheduleStore,
  TickToFire,
} from '../ports/schedule-store.ts'
import { writeApart } from './apart.ts'

/** What firing and planning share. */
export interface WriteParts {
  readonly store: Pick<ScheduleStore, 'fire' | 'plan'>
  readonly log: Log
  readonly isStopped: () => boolean
}

/**
 * Fires a batch, and tells `onFired` of each commit. What a row says and the database refuses cannot be a
 * job, and the row says so from then on; whatever else keeps a tick from firing, it is tried again later.
 * Returns how many schedules were moved on.
 * @throws CrossdockError `database_unavailable`
 */
export async function fireTicks(
  parts: WriteParts,
  ticks: readonly TickToFire[],
  onFired: (fired: FiredTicks) => void,
): Promise<number> {
  const { store, log, isStopped } = parts
  return await writeApart(ticks, {
    isStopped,
    write: async (some) => {
      const fired = await store.fire(some)
      onFired(fired)
      return fired.moved.length
    },
    refused: async ({ schedule: { id, version } }, error) => {
      log.warn(
        { schedule: id, err: error },
        'a schedule cannot run: the database takes no job of it',
      )
      const sentence = `the database takes no job of it: ${error.message}`
      const plan: SchedulePlan = { schedule: { id, version }, next: 'never', error: sentence }
      return (await planTicks(parts, [plan])).length
    },
    failed: ({ schedule: { id } }, error) => {
      log.debug({ schedule: id, err: error }, 'a tick could not be fired; it is tried again')
    },
  })
}

/**
 * Writes next ticks and errors. Returns the ids of those that were written.
 * @throws CrossdockError `database_unavailable`
 */
export async function planTicks(
  { store, log, isStopped }: WriteParts,
  plans: readonly SchedulePlan[],
): Promise<readonly string[]> {
  const written: string[] = []
  const later = ({ schedule: { id } }: SchedulePlan, error: unknown): void => {
    log.debug({ schedule: id, err: error }, 'a next tick could not be written; it is tried again')
  }
  await writeApart(plans, {
    isStopped,
    write: async (some) => {
      const ids = await store.plan(some)
      written.push(...ids)
      return ids.length
    },
    refused: (plan, error) => {
      later(plan, error)
      return Promise.resolve(0)
    },
    failed: later,
  })
  return written
}
