import type { PoolConnection, ResultSetHeader } from 'mysql2/promise'
import { CrossdockError } from '../../domain/errors.ts'
import type { NewJob } from '../../domain/job.ts'
import type { Rehearsal, Touched } from '../../ports/rehearsal.ts'
import type { Database } from './connect.ts'
import { errnoOf, NO_SAVEPOINT, translateError } from './errors.ts'
import { makeInsertJobs } from './insert-jobs.ts'

/** A transaction that a handler has left behind. */
export interface LeftTransaction {
  readonly connection: PoolConnection
  /** Lives as long as the transaction that was begun. */
  readonly savepoint: string
  /** The server has rolled all of it back. */
  readonly deadlocked: boolean
  readonly touched: Touched
  readonly jobs: readonly NewJob[]
}

/** Does what a completion does short of COMMIT, and rolls back. */
export function makeRehearse(database: Database) {
  const insertJobs = makeInsertJobs(database)

  return async function rehearse(left: LeftTransaction): Promise<Rehearsal> {
    const { connection, savepoint, jobs } = left
    const run = database.runOn(connection)
    let touched: Touched | undefined
    let failure: CrossdockError | undefined
    let mayHaveStayed = false
    try {
      await run(`RELEASE SAVEPOINT ${savepoint}`)
      touched = left.touched
      await run(database.handlerSession)
      if (jobs.length > 0) await insertJobs({ jobs, again: false }, run)
    } catch (error) {
      if (errnoOf(error) === NO_SAVEPOINT) {
        mayHaveStayed = !left.deadlocked
        failure = ended(left.deadlocked, error)
      } else failure = translateError(error)
    }
    const [answer] = await connection.query<ResultSetHeader>('ROLLBACK')
    await connection.query(database.handlerSession)
    // The server warns where it could not undo: a table of an engine without transactions.
    return { failure, mayHaveStayed: mayHaveStayed || answer.warningStatus > 0, touched }
  }
}

function ended(deadlocked: boolean, cause: unknown): CrossdockError {
  return new CrossdockError(
    'transaction_lost',
    deadlocked
      ? 'the server has rolled the transaction of this job back, for a deadlock'
      : 'the transaction was gone before the handler returned: a COMMIT or ROLLBACK of its own, DDL,' +
          ' or a deadlock has ended it',
    { cause },
  )
}
