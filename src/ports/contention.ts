/**
 * How often our own statements met rows that somebody else held, since the store was opened. What
 * handlers run in their transactions is not among them.
 */
export interface ContentionStatistics {
  /** Deadlocks that the server broke off, and after which the work was made again. */
  readonly deadlocksRetried: number
  /** Serialization failures that the server reported; the work was made again, up to a limit. */
  readonly serializationFailures: number
  /** Waits for a lock that ran out: the caller got `database_locked`, and comes again later. */
  readonly lockTimeouts: number
}
