import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { CrossdockError } from '../../domain/errors.ts'
import type { NewJob } from '../../domain/job.ts'
import { NOTHING_REHEARSED } from '../../ports/rehearsal.ts'
import type { HandlerTransaction, Settlement, TransactionOptions } from '../../ports/store.ts'
import type { Database } from './connect.ts'
import { translateError } from './errors.ts'
import { makeInsertJobs } from './insert-jobs.ts'
import { failedBefore, makeRehearse } from './rehearse.ts'
import { makeSettleInTransaction } from './settle.ts'
import { countRows, type RowCounts } from './touched.ts'

/**
 * Sent before the end of an execution, and only there, since what the handler ran was its own. The plan
 * of the completion is made once and kept: made while the table was small, it would scan the table ever after. And NOTIFY takes a lock over
 * the whole database at commit: our completions do without it.
 */
export const FINISHING = 'SET LOCAL enable_seqscan = off; SET LOCAL crossdock.quiet = on'

/**
 * Sent behind the end of every handler's transaction: settings, advisory locks, cursors and temporary
 * tables must not pass from one job to the next. Not DISCARD ALL, which drops the prepared statements.
 */
const CLEAN =
  'RESET ALL; RESET SESSION AUTHORIZATION; SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *;' +
  ' DISCARD TEMP'

type Rows = readonly Record<string, unknown>[]

/**
 * Handlers' transactions. Two round trips for a handler with one statement: BEGIN travels with the
 * first statement, and COMMIT right behind the statement that ends the execution.
 *
 * COMMIT is sent unread, so that statement raises when the execution is no longer the worker's, and
 * when the transaction is not the one begun here: BEGIN sets a token that only lives as long as the
 * transaction (`SET LOCAL`), so a handler's own COMMIT, ROLLBACK or `COMMIT AND CHAIN` is found out, and
 * found out atomically with the completion. A savepoint would find it too, but costs a second
 * transaction id for every job, and in autocommit the completion behind a failed RELEASE would stand.
 */
export function makeTransactions(database: Database) {
  const settle = makeSettleInTransaction(database)
  const insertJobs = makeInsertJobs(database)
  const rehearse = makeRehearse(database, FINISHING)
  /** Those that hold a connection, or wait for one. */
  const unfinished = new Set<() => Promise<void>>()

  function open({ watched = false }: TransactionOptions = {}): HandlerTransaction {
    const token = randomBytes(12).toString('hex')
    let connecting: Promise<pg.PoolClient> | undefined
    let client: pg.PoolClient | undefined
    let before: Promise<RowCounts | undefined> | undefined
    let ended = false
    let keepAlive: NodeJS.Timeout | undefined

    async function connection(): Promise<pg.PoolClient> {
      if (ended) {
        throw new CrossdockError(
          'transaction_lost',
          'the transaction of this job has ended already',
        )
      }
      if (connecting === undefined) {
        unfinished.add(breakOff)
        connecting = begin()
      }
      return await connecting
    }

    async function begin(): Promise<pg.PoolClient> {
      const opened = await database.handlers.connect().catch((error: unknown) => {
        unfinished.delete(breakOff)
        throw translateError(error)
      })
      client = opened
      if (isOver()) {
        giveBack(true)
        throw new CrossdockError(
          'transaction_lost',
          'the transaction of this job has ended already',
        )
      }
      // Not awaited: the first statement is sent right behind it, and fails when this failed.
      opened
        .query(
          `BEGIN; SET LOCAL crossdock.transaction = '${token}';` +
            ` SET LOCAL idle_in_transaction_session_timeout = ${database.idleInTransactionMs}`,
        )
        .catch(() => undefined)
      if (watched) before = countRows(opened).catch(() => undefined)
      // The server ends a transaction that stands still for longer than a lease, since its process may
      // be hung with row locks. One whose handler waits for something else says so, now and then.
      keepAlive = setInterval(() => {
        opened.query('SELECT').catch(() => undefined)
      }, database.idleInTransactionMs / 3).unref()
      return opened
    }

    // A function, since the compiler would otherwise take `ended` for unchanged across an await.
    function isOver(): boolean {
      return ended
    }

    function giveBack(broken: boolean): void {
      clearInterval(keepAlive)
      unfinished.delete(breakOff)
      const held = client
      client = undefined
      if (held === undefined) return
      if (broken) {
        held.release(true)
        return
      }
      held.query(CLEAN).then(
        () => {
          held.release()
        },
        () => {
          held.release(true)
        },
      )
    }

    /**
     * The connection as a handler gets it: it is neither given back nor ended by the handler, and does
     * nothing more once the transaction has ended, when it may be another job's.
     */
    function lend(held: pg.PoolClient): pg.PoolClient {
      return new Proxy(held, {
        get: (target, property) => {
          if (property === 'release' || property === 'end') return () => Promise.resolve()
          const value: unknown = Reflect.get(target, property, target)
          if (typeof value !== 'function') return value
          return (...given: unknown[]): unknown => {
            if (isOver()) {
              throw new CrossdockError(
                'transaction_lost',
                'the transaction of this job has ended already; await what the handler starts',
              )
            }
            return Reflect.apply(value, target, given)
          }
        },
      })
    }

    async function breakOff(): Promise<void> {
      ended = true
      const held = client
      if (held === undefined) return
      giveBack(true)
      await terminate(held)
    }

    return {
      get begun() {
        return connecting !== undefined
      },
      query: async (text, values) => {
        const held = await connection()
        return (await held.query(text, [...values])).rows as Rows
      },
      sql: async (pieces, values) => {
        const held = await connection()
        const text = pieces.reduce((all, piece, index) => `${all}$${index}${piece}`)
        return (await held.query(text, [...values])).rows as Rows
      },
      client: async () => lend(await connection()),
      commit: async ({ settlement, jobs }) => {
        await connection()
        const held = client
        if (held === undefined)
          throw new CrossdockError('transaction_lost', 'the connection is gone')
        ended = true
        try {
          await finish(held, settlement, jobs)
          giveBack(false)
        } catch (error) {
          // ROLLBACK came back for our COMMIT, or the connection broke: what it holds is undone with it.
          giveBack(true)
          throw translateError(error)
        }
      },
      rehearse: async ({ jobs }) => {
        if (connecting === undefined && jobs.length === 0) return NOTHING_REHEARSED
        const held = await connection()
        ended = true
        try {
          const rehearsal = await rehearse({ client: held, token, before: await before, jobs })
          // Whatever a handler that ends its own transaction has left on the connection.
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
        const held = await connecting.catch(() => undefined)
        if (held === undefined) return
        await held.query('ROLLBACK').then(
          () => {
            giveBack(false)
          },
          () => {
            giveBack(true)
          },
        )
      },
      abandon: () => void breakOff(),
    }

    async function finish(
      held: pg.PoolClient,
      settlement: Settlement,
      jobs: readonly NewJob[],
    ): Promise<void> {
      held.query(FINISHING).catch(() => undefined)
      if (jobs.length > 0) await insertJobs({ jobs, again: false }, { runner: held, token })
      const settled = settle(settlement, token, held)
      const committed = held.query('COMMIT')
      const [first, second] = await Promise.allSettled([settled, committed])
      if (first.status === 'rejected') throw first.reason
      if (second.status === 'rejected') throw second.reason
      if (second.value.command !== 'COMMIT') {
        throw failedBefore()
      }
    }

    /**
     * Closing the socket does not stop a running statement; asking the server does. The socket is closed
     * as well: its statements would otherwise wait for a server that may be out of reach.
     */
    async function terminate(held: pg.PoolClient): Promise<void> {
      const { processID, connection: wire } = held as unknown as {
        readonly processID?: number
        readonly connection?: { readonly stream: { destroy(): void } }
      }
      wire?.stream.destroy()
      if (processID === undefined) return
      await database.service
        .query('SELECT pg_terminate_backend($1)', [processID])
        .catch(() => undefined)
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
