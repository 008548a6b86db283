import type { ExecutionKey } from '../ports/store.ts'
import type { LeaseMemory } from './lease-table.ts'

/** What the thread that renews leases needs to know. */
export interface KeeperSettings {
  /** The instance's id: who holds the leases. */
  readonly owner: string
  /** Tells this process from another one that was given the same id. */
  readonly token: string
  readonly leaseMs: number
  /** How long the main thread may be silent while no handler runs. */
  readonly silenceMs: number
}

/** What the thread is started with, beside the way to its database. */
export interface KeeperData {
  readonly settings: KeeperSettings
  readonly memory: LeaseMemory
}

/** Executions to renew: the n-th key is in the n-th slot, and that use of it is named by the n-th word. */
export interface HeldMessage {
  readonly kind: 'held'
  readonly queue: string
  /** When the claim was sent. Its answer may have been read much later, by a thread that was blocked. */
  readonly since: number
  readonly jobIds: readonly string[]
  readonly epochs: readonly number[]
  readonly slots: readonly number[]
  readonly words: readonly number[]
}

/** From the main thread. */
export type ToKeeper = HeldMessage | { readonly kind: 'stop' }

/** To the main thread. */
export type FromKeeper =
  | { readonly kind: 'lost'; readonly keys: readonly ExecutionKey[] }
  | { readonly kind: 'trouble'; readonly what: string; readonly jobs: number }
  /** After the first renewal of a thread, and after each trouble. */
  | { readonly kind: 'renewed' }
  | { readonly kind: 'returned'; readonly jobs: number; readonly silentMs: number }
  | { readonly kind: 'replaced' }
