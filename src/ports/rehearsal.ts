import type { CrossdockError } from '../domain/errors.ts'

/** Rows of one table that a transaction inserted, updated and deleted. */
export interface TouchedTable {
  readonly table: string
  readonly inserted: number
  readonly updated: number
  readonly deleted: number
}

/** What a transaction did to rows. */
export interface Touched {
  /** Tables with at least one row, by name; temporary ones are left out. */
  readonly tables: readonly TouchedTable[]
  /**
   * Whether that is everything. PostgreSQL counts every row itself. On MySQL the answers to `tx.sql` and
   * `tx.query` are added up: what ran on `tx.client()`, a trigger, a cascade or a procedure is not in them.
   */
  readonly complete: boolean
}

/** What a commit would have done. All of it was undone. */
export interface Rehearsal {
  /** Why the commit would have been refused; `undefined`: it would have gone through. */
  readonly failure: CrossdockError | undefined
  /** Whether something may stand although it was rolled back: the handler has ended its transaction itself. */
  readonly mayHaveStayed: boolean
  /** `undefined` where it cannot be known: the transaction had failed or was ended before the look. */
  readonly touched: Touched | undefined
}

/** Of a transaction that was never begun. */
export const NOTHING_REHEARSED: Rehearsal = {
  failure: undefined,
  mayHaveStayed: false,
  touched: { tables: [], complete: true },
}
