import { CrossdockError } from '../domain/errors.ts'
import type { NewJob } from '../domain/job.ts'
import type { InsertOutcome, InsertRequest } from '../ports/store.ts'

/** Jobs that are stored together or not at all: mostly one. */
export type Unit = readonly NewJob[]

/** A row that stands in the way of a job. */
export interface FoundRow {
  readonly id: string
  readonly dedupekey: string | null
  readonly uniquekey: string | null
}

/** What a dialect does of an insert. */
export interface InsertSteps {
  /**
   * Inserts what it can, and returns the ids of the rows that went in. Of a unit of several rows it inserts
   * all or none.
   */
  readonly store: (units: readonly Unit[]) => Promise<readonly string[]>
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
  { jobs, again, units }: InsertRequest,
  { store, find, repeats }: InsertSteps,
): Promise<readonly InsertOutcome[]> {
  if (new Set(jobs.map((job) => job.id)).size < jobs.length) {
    throw new CrossdockError('database_constraint', 'two of the jobs have the same id')
  }
  const outcomes = new Map<string, InsertOutcome>()
  let missing = unitsOf(jobs, units)
  for (let repeat = 0; missing.length > 0; repeat += 1) {
    if (repeat > repeats) {
      throw new CrossdockError('database_retryable', 'a key was taken and freed while inserting', {
        retryable: true,
      })
    }
    for (const id of await store(missing)) outcomes.set(id, { outcome: 'stored', jobId: id })
    missing = missing.filter((unit) => !isKnown(unit, outcomes))
    if (missing.length === 0) break
    explain(missing, again, await find(missing.flat()), outcomes)
    // The rows in the way of the others have gone since: the same insert goes through.
    missing = missing.filter((unit) => !isKnown(unit, outcomes))
  }
  return jobs.flatMap((job) => outcomes.get(job.id) ?? [])
}

/** Without those that would stand in each other's way: the first one of each key. */
export function firstOfEachKey(units: readonly Unit[]): readonly Unit[] {
  const dedupeKeys = new Set<string>()
  const uniqueKeys = new Set<string>()
  return units.filter((unit) => {
    const taken = unit.some(
      ({ dedupeKey, uniqueKey }) =>
        (dedupeKey !== undefined && dedupeKeys.has(dedupeKey)) ||
        (uniqueKey !== undefined && uniqueKeys.has(uniqueKey)),
    )
    if (taken) return false
    for (const { dedupeKey, uniqueKey } of unit) {
      if (dedupeKey !== undefined) dedupeKeys.add(dedupeKey)
      if (uniqueKey !== undefined) uniqueKeys.add(uniqueKey)
    }
    return true
  })
}

function unitsOf(jobs: readonly NewJob[], lengths: readonly number[] | undefined): readonly Unit[] {
  if (lengths === undefined) return jobs.map((job) => [job])
  let from = 0
  const units = lengths.map((length) => jobs.slice(from, (from += length)))
  if (from !== jobs.length || lengths.some((length) => length < 1)) {
    throw new CrossdockError('usage', 'the units of an insert are not made of its jobs')
  }
  return units
}

function isKnown(unit: Unit, outcomes: ReadonlyMap<string, InsertOutcome>): boolean {
  return unit.some((job) => outcomes.has(job.id))
}

function explain(
  missing: readonly Unit[],
  again: boolean,
  found: readonly FoundRow[],
  outcomes: Map<string, InsertOutcome>,
): void {
  const byId = new Set(found.map((row) => row.id))
  const byDedupeKey = new Map(found.map((row) => [row.dedupekey, row.id]))
  const byUniqueKey = new Map(found.map((row) => [row.uniquekey, row.id]))
  const inTheWay = (job: NewJob): string | undefined =>
    (job.dedupeKey === undefined ? undefined : byDedupeKey.get(job.dedupeKey)) ??
    (job.uniqueKey === undefined ? undefined : byUniqueKey.get(job.uniqueKey))
  for (const unit of missing) {
    const known = unit.find((job) => byId.has(job.id))
    if (known !== undefined) {
      if (!again) {
        throw new CrossdockError(
          'database_constraint',
          `a job with the id '${known.id}' exists already`,
        )
      }
      // Rows of one unit are committed together: where one is, all of them are.
      for (const job of unit) outcomes.set(job.id, { outcome: 'stored', jobId: job.id })
      continue
    }
    const other = unit.map(inTheWay).find((id) => id !== undefined)
    if (other === undefined) continue
    for (const job of unit) {
      outcomes.set(job.id, { outcome: 'duplicate', jobId: inTheWay(job) ?? other })
    }
  }
}
