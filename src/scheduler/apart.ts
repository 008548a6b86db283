import { isCrossdockError, type CrossdockError } from '../domain/errors.ts'

/** How a batch is written that may have to be taken apart. */
export interface Apart<Item> {
  /** Writes items in one commit. Returns how many were written. */
  readonly write: (items: readonly Item[]) => Promise<number>
  /** What to do about one that the database refuses for its data. Returns how many were written. */
  readonly refused: (item: Item, error: CrossdockError) => Promise<number>
  /** What to do about one that could not be written now. */
  readonly failed: (item: Item, error: CrossdockError) => void
  readonly isStopped: () => boolean
}

/**
 * How often the pieces of one batch may fail for something else than their data. One bad row among 250 is
 * found within 8; a table that is locked as a whole fails each piece, after a wait each time.
 */
const MAX_FAILURES = 20

/**
 * Writes a batch; one that the database does not take is halved until what it does not take stands alone.
 * Returns how many were written. Begins nothing once it is to stop.
 * @throws CrossdockError `database_unavailable`
 */
export async function writeApart<Item>(
  items: readonly Item[],
  apart: Apart<Item>,
  budget = { failures: MAX_FAILURES },
): Promise<number> {
  const [only] = items
  if (only === undefined || apart.isStopped() || budget.failures === 0) return 0
  try {
    return await apart.write(items)
  } catch (error) {
    if (!isCrossdockError(error) || error.code === 'database_unavailable') throw error
    const byData = isCrossdockError(
      error,
      'database_data',
      'database_constraint',
      'payload_too_large',
    )
    if (!byData) budget.failures -= 1
    if (items.length > 1) {
      const middle = Math.ceil(items.length / 2)
      const first = await writeApart(items.slice(0, middle), apart, budget)
      return first + (await writeApart(items.slice(middle), apart, budget))
    }
    if (byData) return await apart.refused(only, error)
    apart.failed(only, error)
    return 0
  }
}
