import type { Clock } from '../../ports/clock.ts'
import type { ExecutionKey } from '../../ports/store.ts'
import { takeOn, type LockOwner } from './lock-scripts.ts'
import type { RedisNode } from './node.ts'

/** What a round says of one lock. `split`: neither we nor others have a majority of the nodes. */
export type Verdict = 'ours' | 'others' | 'split'

/** What the nodes said of one round's locks. */
export interface Round {
  /** Of each lock, in order; `undefined`: no majority of the nodes answered in time. */
  readonly verdicts: readonly Verdict[] | undefined
  /** Locks that are not ours, and that some node may have given us all the same. */
  readonly stray: readonly ExecutionKey[]
}

/** Clocks of servers and of this process drift apart by at most this share of a lock's time to live. */
const DRIFT = 0.01

/** And by this much at all: Redis counts in milliseconds. */
const DRIFT_MS = 2

/** How many of so many nodes a lock needs. */
export function quorumOf(nodes: number): number {
  return Math.floor(nodes / 2) + 1
}

/**
 * Takes or prolongs locks on every node that is up, as Redlock does: a lock is ours when a majority of
 * all nodes gave it, and is left with some of its time to live.
 */
export async function takeOnMajority(
  nodes: readonly RedisNode[],
  owner: LockOwner,
  keys: readonly ExecutionKey[],
  { limitMs, clock }: { readonly limitMs: number; readonly clock: Clock },
): Promise<Round> {
  const quorum = quorumOf(nodes.length)
  const sentAt = clock.monotonicMs()
  const asked = nodes.filter((node) => node.isUp())
  if (asked.length < quorum) return { verdicts: undefined, stray: [] }
  const answers = await Promise.all(asked.map((node) => takeOn(node, owner, keys, limitMs)))
  const given = answers.filter((answer) => answer !== undefined)
  const tookMs = clock.monotonicMs() - sentAt
  const validityMs = owner.timeToLiveMs - tookMs - owner.timeToLiveMs * DRIFT - DRIFT_MS
  if (given.length < quorum || validityMs <= 0) return { verdicts: undefined, stray: [] }
  const silent = given.length < asked.length
  const stray: ExecutionKey[] = []
  const verdicts = keys.map((key, index): Verdict => {
    const votes = given.filter((answer) => answer[index] === 1).length
    if (votes >= quorum) return 'ours'
    if (votes > 0 || silent) stray.push(key)
    return given.length - votes >= quorum ? 'others' : 'split'
  })
  return { verdicts, stray }
}
