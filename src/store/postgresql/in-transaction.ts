import type pg from 'pg'
import type { Database } from './connect.ts'
import { translateError } from './errors.ts'

/** Runs several of our statements in one transaction of a service connection. Errors are translated. */
export async function inTransaction<T>(
  database: Database,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await database.service.connect().catch((error: unknown) => {
    throw translateError(error)
  })
  let broken = false
  try {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    broken = true
    throw translateError(error)
  } finally {
    // A connection in an unknown state goes; the server undoes what it held.
    client.release(broken)
  }
}
