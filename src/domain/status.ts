/** The numbers in `queue_jobs.statusid`, by the words that the HTTP API uses. */
export const STATUS = {
  /** Ready to run; the only status a claim looks at. */
  pending: 0,
  /** Due, but waiting in line behind an ordering key, a lock, a limit or a dependency. */
  queued: 1,
  /** Claimed by a worker. */
  processing: 2,
  /** Ended well. */
  completed: 3,
  /** Failed for good. */
  failed: 4,
  /** Waits for its next attempt. */
  retrying: 5,
  cancelled: 6,
  /** Waits for its time. */
  scheduled: 7,
} as const

/** A status as a word. */
export type StatusWord = keyof typeof STATUS

/** A status as the number in the row. */
export type StatusId = (typeof STATUS)[StatusWord]

/** Every status word, in the order of the numbers. */
export const STATUS_WORDS = Object.keys(STATUS) as readonly StatusWord[]

/**
 * From each status, the statuses a job may go to next: docs/statuses.md shows the same table. Every
 * ending of an execution is held to it by a test.
 */
export const TRANSITIONS: Readonly<Record<StatusWord, readonly StatusWord[]>> = {
  pending: ['processing', 'queued', 'scheduled', 'cancelled'],
  queued: ['pending', 'cancelled', 'scheduled'],
  // pending: handed back unbegun, at shutdown, or by the recovery of a dead process's jobs.
  // scheduled: snoozed, or nobody here has its handler.
  processing: ['completed', 'failed', 'retrying', 'cancelled', 'pending', 'scheduled'],
  completed: [],
  // By hand: with an ordering key it waits for its turn.
  failed: ['pending', 'queued'],
  retrying: ['pending', 'queued', 'cancelled'],
  cancelled: ['pending', 'queued'],
  scheduled: ['pending', 'queued', 'cancelled'],
}

/** Whether a job may go from one status to another in one step. */
export function canMove(from: StatusWord, to: StatusWord): boolean {
  return TRANSITIONS[from].includes(to)
}

/** The word for a number found in a row, or `undefined` for a number that is no status. */
export function statusWord(id: number): StatusWord | undefined {
  return STATUS_WORDS[id]
}
