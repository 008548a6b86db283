import type pg from 'pg'
import { CrossdockError } from '../../domain/errors.ts'
import type { NewJob } from '../../domain/job.ts'
import type { Rehearsal, Touched } from '../../ports/rehearsal.ts'
import type { Database } from './connect.ts'
import { translateError } from './errors.ts'
import { makeInsertJobs } from './insert-jobs.ts'
import { countRows, touchedBetween, type RowCounts } from './touched.ts'

/** A transaction that a handler has left behind. */
export interface LeftTransaction {
  readonly client: pg.PoolClient
  /** What it carries as long as it is the one that was begun. */
  readonly token: string
  /** The counters at its begin. */
  readonly before: RowCounts | undefined
  readonly jobs: readonly NewJob[]
}

/**
 * Does what a completion does short of COMMIT, and rolls back. Constraints that wait for the COMMIT are
 * checked here, since a rolled back transaction never comes to them.
 */
export function makeRehearse(database: Database, preparation: string) {
  const insertJobs = makeInsertJobs(database)

  return async function rehearse(left: LeftTransaction): Promise<Rehearsal> {
    const { client, token, before, jobs } = left
    let touched: Touched | undefined
    let failure: CrossdockError | undefined
    let mayHaveStayed = false
    try {
      if (await carries(client, token)) {
        if (before !== undefined) touched = touchedBetween(before, await countRows(client))
        await client.query(preparation)
        if (jobs.length > 0) await insertJobs({ jobs, again: false }, { runner: client, token })
        await client.query('SET CONSTRAINTS ALL IMMEDIATE')
      } else {
        mayHaveStayed = true
        failure = new CrossdockError(
          'transaction_lost',
          'the handler has ended its transaction itself, by a COMMIT or ROLLBACK of its own',
        )
      }
    } catch (error) {
      failure = translateError(error)
    }
    await client.query('ROLLBACK')
    return { failure, mayHaveStayed, touched }
  }
}

async function carries(client: pg.PoolClient, token: string): Promise<boolean> {
  const { rows } = await client
    .query<{ token: string | null }>(
      `SELECT current_setting('crossdock.transaction', true) AS token`,
    )
    .catch((error: unknown) => {
      throw refusedAsFailed(error)
    })
  return rows[0]?.token === token
}

function refusedAsFailed(error: unknown): CrossdockError {
  const translated = translateError(error)
  return translated.code === 'transaction_lost' ? failedBefore(translated) : translated
}

/** The error of a transaction in which a statement has failed, and the handler went on all the same. */
export function failedBefore(cause?: unknown): CrossdockError {
  return new CrossdockError(
    'transaction_lost',
    'the transaction had failed before the handler returned: an SQL error in it was caught and' +
      ' ignored. Let the error through, or use a savepoint around what may fail.',
    { cause },
  )
}
