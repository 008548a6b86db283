import type { Clock, Timer } from '../../ports/clock.ts'
import type { JobLocks } from '../../ports/job-locks.ts'
import type { Log } from '../../ports/log.ts'
import type { ExecutionKey } from '../../ports/store.ts'
import type { LockOwner } from './lock-scripts.ts'
import { nodesHealth } from './nodes-health.ts'
import type { RedisNode } from './node.ts'
import { takeOnMajority } from './quorum.ts'
import { createReleases, MAX_LOCKS_A_CALL } from './releases.ts'

/** What {@link createJobLocks} takes. */
export interface JobLocksOptions extends LockOwner {
  readonly nodes: readonly RedisNode[]
  readonly clock: Clock
  readonly log: Log
}

/** A claim waits for its locks for at most this long, in milliseconds; then it goes on without. */
const TAKE_LIMIT_MS = 150

/** Nobody waits for a prolongation, so it may take longer. In milliseconds. */
const EXTEND_LIMIT_MS = 1_000

/** What is given back at the end may take this long, in milliseconds. */
const STOP_LIMIT_MS = 1_000

/** One execution that was let through here and has not been released. */
interface Held {
  readonly key: ExecutionKey
  /** Whether a majority gave the lock; else it was let through while Redis was away, and is tried again. */
  locked: boolean
}

/**
 * {@link JobLocks} on one Redis or on a majority of several that know nothing of each other. Everything
 * taken is prolonged three times in its time to live; a lock that has gone (its time ran out while this
 * process stood still, the server was emptied or restarted) is taken again, unless others have it.
 */
export function createJobLocks(options: JobLocksOptions): JobLocks {
  const { nodes, clock, log, timeToLiveMs } = options
  const releases = createReleases(nodes, options, clock)
  const held = new Map<string, Held>()
  const listeners: ((keys: readonly ExecutionKey[]) => void)[] = []
  let extending: Promise<void> | undefined
  let again = false
  let timer: Timer | undefined
  let stopping: Promise<void> | undefined
  for (const node of nodes) node.onUp(extendNow)
  extendLater()

  async function take(keys: readonly ExecutionKey[]): Promise<readonly ExecutionKey[]> {
    if (keys.length === 0) return keys
    releases.withdraw(keys)
    const groups = inGroups(keys)
    const taken = await Promise.all(groups.map(takeGroup))
    return taken.flat()
  }

  async function takeGroup(keys: readonly ExecutionKey[]): Promise<readonly ExecutionKey[]> {
    const { verdicts, stray } = await round(keys, TAKE_LIMIT_MS)
    releases.add(stray)
    const through =
      verdicts === undefined ? keys : keys.filter((_key, index) => verdicts[index] === 'ours')
    // Whoever comes after the end is let through; what was taken for him is given back.
    if (stopping !== undefined) releases.add(through)
    else for (const key of through) held.set(key.jobId, { key, locked: verdicts !== undefined })
    return through
  }

  function round(keys: readonly ExecutionKey[], limitMs: number) {
    return takeOnMajority(nodes, options, keys, { limitMs, clock })
  }

  function extendLater(): void {
    timer?.cancel()
    if (stopping === undefined) timer = clock.after(timeToLiveMs / 3, extendNow)
  }

  /** Also when a node is back: what was let through without it gets its locks, and it gets ours. */
  function extendNow(): void {
    again = true
    extending ??= extendAll().finally(() => {
      extending = undefined
      if (again) extendNow()
      else extendLater()
    })
  }

  async function extendAll(): Promise<void> {
    again = false
    for (const group of inGroups([...held.values()])) await extendGroup(group)
  }

  async function extendGroup(group: readonly Held[]): Promise<void> {
    const due = group.filter(isHeld)
    if (due.length === 0 || stopping !== undefined) return
    const keys = due.map(({ key }) => key)
    // What was to be given back because others had it may be had now.
    releases.withdraw(keys)
    const { verdicts = [] } = await round(keys, Math.min(EXTEND_LIMIT_MS, timeToLiveMs / 3))
    const theirs = due.filter((each, index) => {
      if (verdicts[index] === 'ours') each.locked = true
      return verdicts[index] === 'others' && isHeld(each)
    })
    // On a minority it may be ours all the same.
    releases.add(theirs.map(({ key }) => key))
    lose(theirs.filter(({ locked }) => locked))
  }

  /** What was released since, or claimed again, is neither prolonged nor lost. */
  function isHeld(each: Held): boolean {
    return held.get(each.key.jobId) === each
  }

  function lose(lost: readonly Held[]): void {
    if (lost.length === 0) return
    const keys = lost.map(({ key }) => key)
    for (const { jobId } of keys) held.delete(jobId)
    log.warn(
      { jobs: keys.slice(0, 10).map(({ jobId }) => jobId), count: keys.length },
      'locks were lost: somebody else has them',
    )
    for (const listener of listeners) {
      try {
        listener(keys)
      } catch (error) {
        log.error({ err: error }, 'a part could not be told of lost locks')
      }
    }
  }

  function release(keys: readonly ExecutionKey[]): void {
    const ours = keys.filter(({ jobId, epoch }) => held.get(jobId)?.key.epoch === epoch)
    for (const { jobId } of ours) held.delete(jobId)
    if (ours.length > 0) releases.add(ours)
  }

  async function stop(): Promise<void> {
    timer?.cancel()
    releases.add([...held.values()].map(({ key }) => key))
    held.clear()
    const late = Promise.withResolvers<undefined>()
    const limit = clock.after(STOP_LIMIT_MS, () => late.resolve(undefined))
    await Promise.race([releases.flush(), late.promise])
    limit.cancel()
  }

  return {
    take,
    release,
    onLost: (listener) => {
      listeners.push(listener)
    },
    health: () => nodesHealth(nodes, [...held.values()].filter(({ locked }) => locked).length),
    stop: () => (stopping ??= stop()),
  }
}

function inGroups<T>(all: readonly T[]): readonly (readonly T[])[] {
  const groups: T[][] = []
  for (let start = 0; start < all.length; start += MAX_LOCKS_A_CALL) {
    groups.push(all.slice(start, start + MAX_LOCKS_A_CALL))
  }
  return groups
}
