import type { ConditionResult } from '../ports/conditions.ts'

/** Lets a few conditions run at a time. */
export interface Lanes {
  /** Runs one when it is its turn. Rejects as `evaluate` does. */
  run(
    id: string,
    evaluate: () => Promise<ConditionResult | undefined>,
  ): Promise<ConditionResult | undefined>
}

/** At once, of those that answered in time when they were asked last. */
const QUICK = 4

/** At once, of those that did not: however many there are, they keep the quick ones no longer than once. */
const SLOW = 1

/** Beyond these the one that was slow first is taken for quick again. */
const MAX_REMEMBERED = 10_000

/** Two queues: conditions that used up their limit are among themselves from then on. */
export function createLanes(): Lanes {
  const slow = new Set<string>()
  const lanes = { quick: createLane(QUICK), slow: createLane(SLOW) }

  return {
    run: async (id, evaluate) => {
      const lane = slow.has(id) ? lanes.slow : lanes.quick
      const result = await lane(evaluate)
      slow.delete(id)
      if (result?.kind === 'failed' && result.timedOut) slow.add(id)
      const [oldest] = slow
      if (slow.size > MAX_REMEMBERED && oldest !== undefined) slow.delete(oldest)
      return result
    },
  }
}

/** Runs at most so many at once, in the order in which they came. */
function createLane(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let running = 0
  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve))
    else running += 1
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }
}
