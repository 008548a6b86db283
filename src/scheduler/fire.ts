import { isCrossdockError, type CrossdockError } from '../domain/errors.ts'
import type { Log } from '../ports/log.ts'
import type {
  FiredTicks,
  SchedulePlan,
  ScheduleStore,
  TickToFire,
} from '../ports/schedule-store.ts'

const NOTHING: FiredTicks = { moved: [], jobs: 0, queues: [] }

/**
 * Fires a batch. One that the database refuses is halved until the bad tick stands alone: what its row
 * says cannot be a job, and the row says so; whatever else it is, it is tried again later.
 * @throws CrossdockError `database_unavailable`
 */
export async function fireApart(
  store: Pick<ScheduleStore, 'fire' | 'plan'>,
  ticks: readonly TickToFire[],
  log: Log,
): Promise<FiredTicks> {
  try {
    return ticks.length === 0 ? NOTHING : await store.fire(ticks)
  } catch (error) {
    if (!isCrossdockError(error) || error.code === 'database_unavailable') throw error
    const [only] = ticks
    if (ticks.length > 1 || only === undefined) {
      const middle = Math.ceil(ticks.length / 2)
      const first = await fireApart(store, ticks.slice(0, middle), log)
      const second = await fireApart(store, ticks.slice(middle), log)
      return {
        moved: [...first.moved, ...second.moved],
        jobs: first.jobs + second.jobs,
        queues: [...first.queues, ...second.queues],
      }
    }
    return await refused(store, only, error, log)
  }
}

async function refused(
  store: Pick<ScheduleStore, 'plan'>,
  { schedule: { id, version } }: TickToFire,
  error: CrossdockError,
  log: Log,
): Promise<FiredTicks> {
  if (!isCrossdockError(error, 'database_data', 'database_constraint', 'payload_too_large')) {
    log.debug({ schedule: id, err: error }, 'a tick could not be fired; it is tried again')
    return NOTHING
  }
  const sentence = `the database takes no job of it: ${error.message}`
  log.warn({ schedule: id, err: error }, 'a schedule cannot run: the database takes no job of it')
  const moved = await store.plan([{ schedule: { id, version }, next: 'never', error: sentence }])
  return { ...NOTHING, moved }
}

/**
 * Writes next ticks and errors; where the database refuses them together, one by one.
 * @throws CrossdockError `database_unavailable`
 */
export async function planApart(
  store: Pick<ScheduleStore, 'plan'>,
  plans: readonly SchedulePlan[],
  log: Log,
): Promise<readonly string[]> {
  try {
    return plans.length === 0 ? [] : await store.plan(plans)
  } catch (error) {
    if (!isCrossdockError(error) || error.code === 'database_unavailable') throw error
    if (plans.length > 1) {
      const written: string[] = []
      for (const plan of plans) written.push(...(await planApart(store, [plan], log)))
      return written
    }
    log.debug({ err: error }, 'the next tick of a schedule could not be written; it is tried again')
    return []
  }
}
