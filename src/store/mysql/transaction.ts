import { randomBytes } from 'node:crypto'
import type { PoolConnection, ResultSetHeader } from 'mysql2/promise'
import { CrossdockError } from '../../domain/errors.ts'
import type { NewJob } from '../../domain/job.ts'
import { NOTHING_REHEARSED } from '../../ports/rehearsal.ts'
import type { HandlerTransaction, Settlement, TransactionOptions } from '../../ports/store.ts'
import { ask } from './ask.ts'
import { commitEnd } from './commit-end.ts'
import type { Database } from './connect.ts'
import { breakConnection } from './connection-limits.ts'
import { DEADLOCK, errnoOf, NO_SAVEPOINT, translateError } from './errors.ts'
import { makeInsertJobs } from './insert-jobs.ts'
import { makeRehearse } from './rehearse.ts'
import { createTouchedRows } from './touched.ts'

type Rows = readonly Record<string, unknown>[]

/**
 * Handlers' transactions. Autocommit is off, and each begins with a savepoint of its own name, which
 * lives as long as the transaction: the completion first releases it. Where it is gone, the transaction
 * was ended by a COMMIT or ROLLBACK of the handler, by DDL, which commits without a word, or by a
 * deadlock, which undoes all and lets the handler go on; nothing of the completion stands then.
 *
 * An error of a statement alone does not end a transaction here, as it does on PostgreSQL: a handler may
 * catch it and go on.
 */
export function makeTransactions(database: Database) {
  const insertJobs = makeInsertJobs(database)
  const rehearse = makeRehearse(database)
  /** Those that hold a connection, or wait for one. */
  const unfinished = new Set<() => Promise<void>>()
  /** No two transactions have one savepoint, nor has anybody else. */
  const savepoints = `crossdock_${randomBytes(8).toString('hex')}`
  let opened = 0

  function open({ watched = false }: TransactionOptions = {}): HandlerTransaction {
    opened += 1
    const savepoint = `${savepoints}_${opened}`
    const rows = watched ? createTouchedRows() : undefined
    let connecting: Promise<PoolConnection> | undefined
    let connection: PoolConnection | undefined
    let ended = false
    let deadlocked = false
    /** Whether the session is known to be as it was given. */
    let untouched = true
    let keepAlive: NodeJS.Timeout | undefined

    async function held(): Promise<PoolConnection> {
      if (deadlocked) {
        throw lost('the server has rolled the transaction of this job back, for a deadlock')
      }
      if (ended) throw lost('the transaction of this job has ended already')
      if (connecting === undefined) {
        unfinished.add(breakOff)
        connecting = begin()
      }
      return await connecting
    }

    async function begin(): Promise<PoolConnection> {
      const opened = await beginOnLive().catch((error: unknown) => {
        unfinished.delete(breakOff)
        throw translateError(error)
      })
      connection = opened
      if (isOver()) {
        giveBack(true)
        throw lost('the transaction of this job has ended already')
      }
      // The server ends a transaction that stands still for longer than a lease, since its process may
      // be hung with row locks. One whose handler waits for something else says so, now and then.
      keepAlive = setInterval(() => {
        opened.ping().catch(() => undefined)
      }, database.idleInTransactionMs / 3).unref()
      return opened
    }

    /** A connection that the server has ended while it was idle is found out here, and another taken. */
    async function beginOnLive(): Promise<PoolConnection> {
      for (let repeat = 0; ; repeat += 1) {
        const opened = await database.openHandlerConnection()
        try {
          await ask(opened, `SAVEPOINT ${savepoint}`)
          return opened
        } catch (error) {
          opened.destroy()
          if (repeat > 0 || errnoOf(error) === undefined) throw error
        }
      }
    }

    // A function, since the compiler would otherwise take `ended` for unchanged across an await.
    function isOver(): boolean {
      return ended
    }

    function giveBack(broken: boolean): void {
      clearInterval(keepAlive)
      unfinished.delete(breakOff)
      const given = connection
      connection = undefined
      if (given === undefined) return
      if (broken) breakConnection(given)
      else given.release()
    }

    async function breakOff(): Promise<void> {
      ended = true
      const broken = connection
      if (broken === undefined) return
      giveBack(true)
      // Closing the socket does not stop a running statement; asking the server does.
      await database.run(`KILL CONNECTION ${broken.threadId}`).catch(() => undefined)
    }

    async function query(text: string, values: readonly unknown[]): Promise<Rows> {
      const opened = await held()
      try {
        const [answer] = await opened.query(text, [...values])
        rows?.note(text, 'info' in answer ? answer : undefined)
        if (Array.isArray(answer) || hasChangedSession(answer)) untouched = false
        return Array.isArray(answer) ? (answer as Rows) : []
      } catch (error) {
        if (errnoOf(error) === DEADLOCK) deadlocked = true
        database.noticeTriggers(error)
        untouched = false
        throw error
      }
    }

    return {
      get begun() {
        return connecting !== undefined
      },
      query,
      sql: (pieces, values) => query(pieces.join('?'), values),
      client: () => {
        rows?.incomplete()
        untouched = false
        return held()
      },
      commit: async ({ settlement, jobs }) => {
        const wasDeadlocked = deadlocked
        await held().catch((error: unknown) => {
          if (wasDeadlocked) giveBack(true)
          throw error
        })
        const mine = connection
        if (mine === undefined) throw lost('the connection is gone')
        ended = true
        try {
          await finish(mine, settlement, jobs)
          giveBack(false)
        } catch (error) {
          // What the connection holds is undone with it.
          giveBack(true)
          throw translateError(error)
        }
      },
      rehearse: async ({ jobs }) => {
        if (connecting === undefined && jobs.length === 0) return NOTHING_REHEARSED
        const mine = connection ?? (await held())
        ended = true
        try {
          const touched = rows?.touched() ?? { tables: [], complete: false }
          const rehearsal = await rehearse({
            connection: mine,
            savepoint,
            deadlocked,
            touched,
            jobs,
          })
          giveBack(rehearsal.mayHaveStayed)
          return rehearsal
        } catch (error) {
          giveBack(true)
          throw translateError(error)
        }
      },
      rollback: async () => {
        if (ended) return
        ended = true
        if (connecting === undefined) return
        const opened = await connecting.catch(() => undefined)
        if (opened === undefined) return
        const undone = await undo(opened).then(
          () => true,
          () => false,
        )
        giveBack(!undone)
      },
      abandon: () => void breakOff(),
    }

    async function undo(opened: PoolConnection): Promise<void> {
      await ask(opened, 'ROLLBACK')
      if (!untouched) await ask(opened, database.handlerSession)
    }

    async function finish(
      mine: PoolConnection,
      settlement: Settlement,
      jobs: readonly NewJob[],
    ): Promise<void> {
      const run = database.runOn(mine)
      let held: boolean
      try {
        if (untouched && jobs.length === 0) {
          held = await commitEnd(run, database, settlement, savepoint)
        } else {
          await run(`RELEASE SAVEPOINT ${savepoint}`)
          // Whatever the handler has set: quotes, character sets and times must be ours.
          if (!untouched) await run(database.handlerSession)
          if (jobs.length > 0) await insertJobs({ jobs, again: false }, run)
          held = await commitEnd(run, database, settlement)
        }
      } catch (error) {
        if (errnoOf(error) !== NO_SAVEPOINT) throw error
        throw lost(
          'the transaction was gone before the handler returned: a COMMIT or ROLLBACK of its own, DDL,' +
            ' or a deadlock has ended it',
          error,
        )
      }
      if (!held) throw new CrossdockError('lease_lost', 'this execution has lost its lease')
    }
  }

  return {
    open,
    /** Breaks every open transaction: a pool that is closed waits for all its connections. */
    abandonAll: async () => {
      await Promise.all([...unfinished].map((breakOff) => breakOff()))
    },
  }
}

/**
 * What the server says beside its answer. With rows it says nothing, and whoever gave rows may have changed the
 * session (a function, a procedure): that counts as changed.
 */
function hasChangedSession(answer: object): boolean {
  return (answer as Partial<ResultSetHeader> & { stateChanges?: object }).stateChanges !== undefined
}

function lost(message: string, cause?: unknown): CrossdockError {
  return new CrossdockError('transaction_lost', message, { cause })
}
