import type { JobsConfiguration } from '../config/configuration.ts'
import type { PoolSettings } from '../worker/settings.ts'

/** Which queues this instance's workers serve, and with how many. */
export interface ServedQueues {
  readonly pools: readonly PoolSettings[]
  /** Whether a worker here may take a job of this queue at all. */
  readonly serves: (queue: string) => boolean
}

/**
 * Pools from `jobs` and of publications, those of paused queues as well: somebody may resume one. Narrowed to the queues
 * of `--queues` where it is given. How many messages of a publication are on their way is said there: of a queue of its
 * name in `jobs.queues` only whether it has workers.
 */
export function servedQueues(
  jobs: JobsConfiguration,
  only: readonly string[] | undefined,
  publications: readonly (PoolSettings & { readonly queue: string })[] = [],
): ServedQueues {
  const wanted = (queue: string): boolean => only === undefined || only.includes(queue)
  const listed = Object.entries(jobs.queues)
  const published = new Set(publications.map(({ queue }) => queue))
  const working = new Set(
    listed.filter(([, settings]) => settings.workers > 0).map(([queue]) => queue),
  )
  const own: readonly PoolSettings[] = [
    ...listed
      .filter(([queue]) => !published.has(queue) && working.has(queue))
      .map(([queue, settings]) => ({ name: queue, queue, workers: settings.workers })),
    ...publications.filter(({ queue }) => jobs.queues[queue] === undefined || working.has(queue)),
  ].filter(({ queue }) => wanted(queue))
  const named = new Set([...listed.map(([queue]) => queue), ...published])
  // Queues that have settings of their own are never the rest's: one without workers has none here.
  const rest: PoolSettings = { name: 'rest', workers: jobs.workers }
  const restIsWanted =
    jobs.workers > 0 && (only === undefined || only.some((queue) => !named.has(queue)))
  return {
    pools: restIsWanted ? [...own, rest] : own,
    serves: (queue) =>
      wanted(queue) && (!named.has(queue) || own.some((pool) => pool.queue === queue)),
  }
}
