import type { InstanceRequest, Registration } from '../../ports/instances.ts'
import type { Database } from './connect.ts'
import { interval, literal } from './text.ts'

/**
 * Takes an id that nobody has, that is the caller's already, or whose holder has not been heard of for a
 * lease. Walks the primary key. Assignments are made from left to right, each seeing those before it: the
 * token decides, and the times follow it.
 */
export function makeRegisterInstance(database: Database) {
  const { instances } = database.names
  return async function registerInstance(request: InstanceRequest): Promise<Registration> {
    const { id, token, leaseMs } = request
    const until = `UTC_TIMESTAMP(6) + ${interval(leaseMs)}`
    return await database.transaction(async (run) => {
      await run(`INSERT INTO ${instances} (id, token, expiresat)
        VALUES (${literal(id)}, ${literal(token)}, ${until})
        ON DUPLICATE KEY UPDATE
          startedon = IF(token <> VALUES(token) AND expiresat < UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), startedon),
          token = IF(expiresat < UTC_TIMESTAMP(6), VALUES(token), token),
          expiresat = IF(token = VALUES(token), VALUES(expiresat), expiresat)`)
      const { rows } = await run<{ token: string; expiresin: string }>(
        `SELECT token, TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), expiresat) AS expiresin
         FROM ${instances} WHERE id = ${literal(id)}`,
      )
      const [row] = rows
      if (row?.token === token) return { registered: true }
      return { registered: false, expiresInMs: Math.max(0, Number(row?.expiresin ?? 0) / 1_000) }
    })
  }
}

/** Frees an id, and forgets those of processes that died long ago. Walks the whole small table. */
export function makeUnregisterInstance(database: Database) {
  return async function unregisterInstance({
    id,
    token,
  }: Pick<InstanceRequest, 'id' | 'token'>): Promise<void> {
    await database.run(`DELETE FROM ${database.names.instances}
      WHERE (id = ${literal(id)} AND token = ${literal(token)})
        OR expiresat < UTC_TIMESTAMP(6) - INTERVAL 1 DAY`)
  }
}
