import type { Socket } from 'node:net'
import type { Connection, Pool, PoolConnection } from 'mysql2/promise'
import { CrossdockError } from '../../domain/errors.ts'
import { ANSWER_LIMIT_MS } from '../limits.ts'

/**
 * Breaks a connection at once, whatever runs on it. By its socket: the driver's own `destroy` leaves the
 * statement under way without an answer for ever.
 */
export function breakConnection(connection: Connection): void {
  const { stream } = (
    connection as unknown as { readonly connection: { readonly stream?: Socket } }
  ).connection
  // Out of the pool, once whoever waited has been told.
  stream?.once('close', () => {
    connection.destroy()
  })
  stream?.destroy()
}

/**
 * What runs on a connection, which breaks when no answer has come within {@link ANSWER_LIMIT_MS}; the
 * driver then rejects what runs as it does when the server breaks off. Not by the driver's own `timeout`,
 * which answers and leaves the statement on the connection.
 */
export async function answeredInTime<T>(connection: Connection, running: Promise<T>): Promise<T> {
  const timer = setTimeout(() => {
    breakConnection(connection)
  }, ANSWER_LIMIT_MS)
  try {
    return await running
  } finally {
    clearTimeout(timer)
  }
}

/**
 * A connection of a pool, within a time limit in milliseconds: the driver would wait for a free one
 * without end.
 * @throws CrossdockError `database_unavailable`
 */
export async function connectionWithin(pool: Pool, limitMs: number): Promise<PoolConnection> {
  const late = Promise.withResolvers<never>()
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    late.reject(
      new CrossdockError(
        'database_unavailable',
        `the database is out of reach: no connection was free within ${limitMs} ms`,
        { retryable: true },
      ),
    )
  }, limitMs)
  const coming = pool.getConnection()
  coming.then(
    (connection) => {
      if (isLate) connection.release()
    },
    () => undefined,
  )
  try {
    return await Promise.race([coming, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
