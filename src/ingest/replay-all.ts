import type {
  DeadLetters,
  DeadLetterStore,
  Replay,
  ReplayCounts,
  ReplayOptions,
} from '../ports/dead-letters.ts'

/** What {@link createReplayAll} works with. */
interface ReplayAllParts {
  readonly store: Pick<DeadLetterStore, 'find'>
  readonly replay: (id: string, how: ReplayOptions) => Promise<Replay>
  readonly replayedAs: (ids: readonly string[]) => Promise<ReadonlyMap<string, string>>
}

/** Dead letters that are looked for at once. */
const STEP = 50

/** How many refusals are told one by one. */
const MAX_REFUSALS = 100

/** Replays by filter, step by step; one after the other, for the order of their keys. */
export function createReplayAll({
  store,
  replay,
  replayedAs,
}: ReplayAllParts): DeadLetters['replayAll'] {
  return async ({ filter, after, limit }, how = {}, onStep = () => undefined) => {
    let counts: ReplayCounts = {
      tried: 0,
      replayed: 0,
      alreadyReplayed: 0,
      refused: 0,
      refusals: [],
      next: after,
    }
    /** What dies of this replay comes behind it. */
    let end: bigint | undefined
    while (counts.tried < limit) {
      const page = await store.find({
        filter,
        order: 'oldest',
        after: counts.next,
        limit: Math.min(STEP, limit - counts.tried),
      })
      end ??= BigInt(page.last ?? 0)
      const last = end
      const ids = page.rows.filter(({ seq }) => BigInt(seq) <= last).map(({ id }) => id)
      const earlier = how.force === true ? new Map<string, string>() : await replayedAs(ids)
      const open = ids.filter((id) => !earlier.has(id))
      const results: { readonly id: string; readonly result: Replay }[] = []
      for (const id of open) results.push({ id, result: await replay(id, how) })
      const isLast = page.next === null || BigInt(page.next) >= last
      counts = added(counts, results, ids.length - open.length, isLast ? null : page.next)
      onStep(counts)
      if (isLast) break
    }
    return counts
  }
}

function added(
  counts: ReplayCounts,
  results: readonly { readonly id: string; readonly result: Replay }[],
  earlier: number,
  next: string | null,
): ReplayCounts {
  const refusals = results.flatMap(({ id, result }) =>
    result.outcome === 'refused' ? [{ id, reason: result.reason, message: result.message }] : [],
  )
  const meanwhile = refusals.filter(({ reason }) => reason === 'already_replayed').length
  const others = refusals.filter(({ reason }) => reason !== 'already_replayed')
  return {
    tried: counts.tried + results.length,
    replayed: counts.replayed + results.length - refusals.length,
    alreadyReplayed: counts.alreadyReplayed + earlier + meanwhile,
    refused: counts.refused + others.length,
    refusals: [...counts.refusals, ...others].slice(0, MAX_REFUSALS),
    next,
  }
}
