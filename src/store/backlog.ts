/** The least that is read of an index that does not know the queue, and the most. */
const MIN_READ = 1_000
const MAX_READ = 20_000

/** How many entries are read of an index that does not know the queue, to find `limit` of one queue. */
export function readLimit(limit: number): number {
  return Math.min(MAX_READ, Math.max(MIN_READ, 2 * limit))
}
