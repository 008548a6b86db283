import { z } from 'zod'
import { isReplay } from '../domain/replay.ts'
import type { DeadLetters } from '../ports/dead-letters.ts'
import type { Handler } from '../ports/handler.ts'

type Page = Awaited<ReturnType<DeadLetters['list']>>

const HOUR_MS = 3_600_000

/** Dead letters of one look. */
const PAGE = 100

/**
 * So many looks in a row without one that died lately end the walk. It is along the order of arrival, and a job may die long after it
 * came; but no walk through all that ever died, each hour.
 */
const QUIET_PAGES = 10

const input = z
  .strictObject({
    /** What died in the last hours alone, whenever it came. */
    max_age_hours: z.number().positive().max(24_000).prefault(24),
    /** At most so many in one run. */
    limit: z.int().min(1).max(10_000).prefault(1_000),
    handler: z.string().min(1).optional(),
  })
  .nullish()
  .transform((given) => given ?? { max_age_hours: 24, limit: 1_000, handler: undefined })

/**
 * `system.retry-failed`: replays what died in the last hours, each once; what is itself a replay is left, or
 * a job that can never succeed would go round for ever. Its schedule is off until somebody switches it on.
 */
export function retryFailedHandler({
  deadLetters,
  now,
}: {
  readonly deadLetters: () => DeadLetters
  /** The database's clock, in milliseconds since 1970. */
  readonly now: () => Promise<number>
}): Handler<z.output<typeof input>> {
  return {
    name: 'system.retry-failed',
    input,
    queue: 'system',
    transaction: 'none',
    maxRetries: 0,
    timeoutMs: HOUR_MS,
    schedule: {
      description: 'Replays dead letters of the last day, each once. Off until it is switched on',
      everySeconds: 3_600,
      overlap: 'skip',
      enabled: false,
      payload: { max_age_hours: 24, limit: 1_000 },
    },
    run: async ({ input: { max_age_hours: hours, limit, handler }, signal }) => {
      const letters = deadLetters()
      const from = (await now()) - hours * HOUR_MS
      const found: string[] = []
      let quiet = 0
      for (let after: string | null = null; ;) {
        signal.throwIfAborted()
        const { rows, next }: Page = await letters.list({ filter: { handler }, after, limit: PAGE })
        const young = rows.filter(({ diedAt }) => diedAt.getTime() >= from)
        const open = young.filter(({ replayedAs }) => replayedAs === undefined)
        found.push(...open.map(({ id }) => id))
        // Not a filter of the list: that would look through all that is older.
        quiet = young.length > 0 ? 0 : quiet + 1
        if (next === null || quiet >= QUIET_PAGES) break
        after = next
      }

      const result = { replayed: 0, refused: 0, left: 0 }
      // The latest come first in the list; replayed are the oldest first, which keeps the order of each key.
      for (const id of found.toReversed()) {
        signal.throwIfAborted()
        if (result.replayed + result.refused >= limit) {
          result.left += 1
          continue
        }
        const letter = await letters.show(id)
        if (letter === undefined || isReplay(letter.job)) continue
        const { outcome } = await letters.replay(id)
        result[outcome === 'replayed' ? 'replayed' : 'refused'] += 1
      }
      return result
    },
  }
}
