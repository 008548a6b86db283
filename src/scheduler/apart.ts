import { isCrossdockError, type CrossdockError } from '../domain/errors.ts'

/** How a batch is written that may have to be taken apart. */
export interface Apart<Item> {
  /** Writes items in one commit. Returns how many were written. */
  readonly write: (items: readonly Item[]) => Promise<number>
  /** Told of one that the database does not take. */
  readonly refused: (item: Item, error: CrossdockError) => void
  /** Whether nothing more is to be begun: the program stops, or the batch has had its time. */
  readonly isOver: () => boolean
}

/**
 * How often the pieces of one batch may wait in vain for a lock. One bad row among 250 is found within 8
 * pieces; a table that is locked as a whole fails each of them, after a wait each time.
 */
const MAX_WAITS = 20

/**
 * Writes a batch; one that the database does not take is halved until what it does not take stands alone.
 * Returns how many were written.
 * @throws CrossdockError `database_unavailable`
 */
export async function writeApart<Item>(
  items: readonly Item[],
  apart: Apart<Item>,
  budget = { waits: MAX_WAITS },
): Promise<number> {
  const [only] = items
  if (only === undefined || apart.isOver() || budget.waits === 0) return 0
  try {
    return await apart.write(items)
  } catch (error) {
    if (!isCrossdockError(error) || error.code === 'database_unavailable') throw error
    if (error.retryable) budget.waits -= 1
    if (items.length === 1) {
      apart.refused(only, error)
      return 0
    }
    const middle = Math.ceil(items.length / 2)
    const first = await writeApart(items.slice(0, middle), apart, budget)
    return first + (await writeApart(items.slice(middle), apart, budget))
  }
}
