import type { ComponentHealth } from './health.ts'
import type { ExecutionKey } from './store.ts'

/** What one claim brought: all from one queue. */
export interface ClaimedLeases {
  readonly queue: string
  readonly keys: readonly ExecutionKey[]
  /** Since the claim was sent, in milliseconds: so old the leases may be. */
  readonly ageMs: number
}

/** The lease of one execution, renewed until it ends. */
export interface Lease {
  /**
   * Says that its handler starts now and must have ended within `limitMs`, its time-out and grace.
   * `false`: the execution was given back, since this process had stopped answering, and must not start.
   */
  begin(limitMs: number): boolean
  /** Says that its handler has ended: its end waits to be stored, which has no limit. */
  finish(): void
  /** Renews it no more. May be called twice. */
  end(): void
}

/** What a keeper tells. */
export interface LeaseKeeperEvents {
  /** Executions that are this instance's no more: somebody else may be running them. */
  readonly onLost: (keys: readonly ExecutionKey[]) => void
  /** Leases could not be renewed: the database was out of reach. */
  readonly onTrouble: () => void
  /** Another live process has registered this instance's id. */
  readonly onReplaced: () => void
}

/**
 * Renews leases beside the thread that runs handlers, so that a handler which blocks that thread keeps
 * what it has, as long as it is within its own limits.
 */
export interface LeaseKeeper {
  start(events: LeaseKeeperEvents): void
  /** Renews these from now on. In the order of the keys. */
  hold(claimed: ClaimedLeases): readonly Lease[]
  /** Degraded while leases cannot be renewed. */
  health(): ComponentHealth
  /** Renews nothing any more. May be called twice. */
  stop(): Promise<void>
}

/**
 * What the process ends with when its main thread has not answered for a lease and no handler that runs
 * is within its time-out and grace any more.
 */
export const HUNG_EXIT_CODE = 86
