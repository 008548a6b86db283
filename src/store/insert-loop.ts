import { CrossdockError } from '../domain/errors.ts'
import type { NewJob } from '../domain/job.ts'
import type { InsertOutcome, InsertRequest } from '../ports/store.ts'

/** A row that stands in the way of a job. */
export interface FoundRow {
  readonly id: string
  readonly dedupekey: string | null
  readonly uniquekey: string | null
}

/** What a dialect does of an insert. */
export interface InsertSteps {
  /** Inserts what it can, and returns the ids of the rows that went in. */
  readonly store: (jobs: readonly NewJob[]) => Promise<readonly string[]>
  /** The rows that have the id, the inbox key or the unique key of one of these jobs. */
  readonly find: (jobs: readonly NewJob[]) => Promise<readonly FoundRow[]>
  /** How often jobs are sent again whose key was freed between the insert and the look at it. */
  readonly repeats: number
}

/**
 * Inserts jobs until it is known of each what became of it. Which row stands in the way is read by key,
 * never guessed from a count.
 * @throws CrossdockError `database_constraint` for an id that is taken, `database_retryable` when a key
 *   was taken and freed all the time.
 */
export async function insertUntilKnown(
  { jobs, again }: InsertRequest,
  { store, find, repeats }: InsertSteps,
): Promise<readonly InsertOutcome[]> {
  if (new Set(jobs.map((job) => job.id)).size < jobs.length) {
    throw new CrossdockError('database_constraint', 'two of the jobs have the same id')
  }
  const outcomes = new Map<string, InsertOutcome>()
  let missing = jobs
  for (let repeat = 0; missing.length > 0; repeat += 1) {
    if (repeat > repeats) {
      throw new CrossdockError('database_retryable', 'a key was taken and freed while inserting', {
        retryable: true,
      })
    }
    for (const id of await store(missing)) outcomes.set(id, { outcome: 'stored', jobId: id })
    missing = missing.filter((job) => !outcomes.has(job.id))
    if (missing.length === 0) break
    explain(missing, again, await find(missing), outcomes)
    // The rows in the way of the others have gone since: the same insert goes through.
    missing = missing.filter((job) => !outcomes.has(job.id))
  }
  return jobs.flatMap((job) => outcomes.get(job.id) ?? [])
}

function explain(
  missing: readonly NewJob[],
  again: boolean,
  found: readonly FoundRow[],
  outcomes: Map<string, InsertOutcome>,
): void {
  const byId = new Set(found.map((row) => row.id))
  const byDedupeKey = new Map(found.map((row) => [row.dedupekey, row.id]))
  const byUniqueKey = new Map(found.map((row) => [row.uniquekey, row.id]))
  for (const job of missing) {
    if (byId.has(job.id)) {
      if (!again) {
        throw new CrossdockError(
          'database_constraint',
          `a job with the id '${job.id}' exists already`,
        )
      }
      outcomes.set(job.id, { outcome: 'stored', jobId: job.id })
      continue
    }
    const other =
      (job.dedupeKey === undefined ? undefined : byDedupeKey.get(job.dedupeKey)) ??
      (job.uniqueKey === undefined ? undefined : byUniqueKey.get(job.uniqueKey))
    if (other !== undefined) outcomes.set(job.id, { outcome: 'duplicate', jobId: other })
  }
}
