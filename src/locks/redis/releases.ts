import type { Clock, Timer } from '../../ports/clock.ts'
import type { ExecutionKey } from '../../ports/store.ts'
import { releaseOn, type LockOwner } from './lock-scripts.ts'
import type { RedisNode } from './node.ts'

/** Gives locks back, many by one call. */
export interface Releases {
  /** Soon, together with others. */
  add(keys: readonly ExecutionKey[]): void
  /** These are taken again: they are not given back. */
  withdraw(keys: readonly ExecutionKey[]): void
  /** Gives back now what waits. Never rejects. */
  flush(): Promise<void>
}

/** Locks that end together are gathered for this long, in milliseconds. */
const GATHER_MS = 5

/** Locks of one call. A script holds up everybody else on its server: 500 take about a millisecond. */
export const MAX_LOCKS_A_CALL = 500

/** Nobody waits for an answer, so it may take longer than that of a claim. In milliseconds. */
const LIMIT_MS = 1_000

/** Locks that one silent node is still to be told of; beyond, their time to live ends them. */
const MAX_OWED = 20_000

/**
 * Gathers what is given back. A node that does not answer is told once it is back: a pause does not
 * free locks, and whoever takes the job next would else wait for their time to live.
 */
export function createReleases(
  nodes: readonly RedisNode[],
  owner: LockOwner,
  clock: Clock,
): Releases {
  /** What each node is still to be told, by job. */
  const owed = new Map(nodes.map((node) => [node, new Map<string, ExecutionKey>()] as const))
  /** One call at a time for each node: what comes meanwhile goes with the next. */
  const telling = new Map<RedisNode, Promise<void>>()
  let timer: Timer | undefined
  for (const node of nodes) node.onUp(() => void flush())

  async function flush(): Promise<void> {
    timer?.cancel()
    timer = undefined
    await Promise.all(
      nodes.map((node) => {
        const next = (telling.get(node) ?? Promise.resolve()).then(() => tell(node))
        telling.set(node, next)
        return next
      }),
    )
  }

  async function tell(node: RedisNode): Promise<void> {
    const waiting = owed.get(node)
    while (waiting !== undefined && waiting.size > 0 && node.isUp()) {
      const keys = [...waiting.values()].slice(0, MAX_LOCKS_A_CALL)
      for (const { jobId } of keys) waiting.delete(jobId)
      if (!(await releaseOn(node, owner, keys, LIMIT_MS))) owe(node, keys)
    }
  }

  function owe(node: RedisNode, keys: readonly ExecutionKey[]): void {
    const waiting = owed.get(node)
    if (waiting === undefined) return
    for (const key of keys) {
      // A later execution has ended meanwhile: its value is the one that stands there.
      const later = waiting.get(key.jobId)
      if (later !== undefined && later.epoch > key.epoch) continue
      if (waiting.size < MAX_OWED || later !== undefined) waiting.set(key.jobId, key)
    }
  }

  return {
    add: (keys) => {
      for (const node of nodes) owe(node, keys)
      timer ??= clock.after(GATHER_MS, () => void flush())
    },
    withdraw: (keys) => {
      for (const waiting of owed.values()) {
        for (const { jobId, epoch } of keys) {
          if (waiting.get(jobId)?.epoch === epoch) waiting.delete(jobId)
        }
      }
    },
    flush,
  }
}
