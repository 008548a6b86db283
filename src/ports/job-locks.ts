import type { ComponentHealth } from './health.ts'
import type { ExecutionKey } from './store.ts'

/**
 * A lock for each job that runs, over all instances: it keeps two processes from doing the same work
 * when one of them has lost its lease and does not know it yet. Correctness never rests on it: the
 * database decides which execution counts.
 */
export interface JobLocks {
  /**
   * Takes the locks of executions, all of them by one call. Resolves to those that are free now; the
   * others have a holder elsewhere. Never rejects: where locks cannot be had (nobody keeps them, or they
   * do not answer soon), all are let through, and leases alone decide.
   */
  take(keys: readonly ExecutionKey[]): Promise<readonly ExecutionKey[]>
  /** Gives locks back soon, together with others. Those that were not taken are passed over. Never throws. */
  release(keys: readonly ExecutionKey[]): void
  /** Tells `listener` of locks that were taken here and that somebody else has now. */
  onLost(listener: (keys: readonly ExecutionKey[]) => void): void
  health(): ComponentHealth
  /** Gives back what is taken, and ends. May be called twice. */
  stop(): Promise<void>
}

/** No locks: leases alone decide. */
export const NO_LOCKS: JobLocks = {
  take: (keys) => Promise.resolve(keys),
  release: () => undefined,
  onLost: () => undefined,
  health: () => ({ status: 'ok', detail: 'leases in the database alone' }),
  stop: () => Promise.resolve(),
}
