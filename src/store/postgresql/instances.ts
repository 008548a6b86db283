import type { InstanceRequest, Registration } from '../../ports/instances.ts'
import type { Database } from './connect.ts'

/** A process that has not said for so long that it lives is forgotten. */
const FORGET = `interval '1 day'`

/**
 * Takes an id that nobody has, that is the caller's already, or whose holder has not been heard of for a
 * lease. Walks the primary key.
 */
export function makeRegisterInstance(database: Database) {
  const { instances } = database.names
  const take = {
    name: 'crossdock_register_instance',
    text: `INSERT INTO ${instances} AS i (id, token, expiresat)
      VALUES ($1, $2, clock_timestamp() + $3::double precision * interval '1 millisecond')
      ON CONFLICT (id) DO UPDATE SET token = excluded.token, expiresat = excluded.expiresat,
        startedon = CASE WHEN i.token = excluded.token THEN i.startedon ELSE excluded.startedon END
      WHERE i.token = excluded.token OR i.expiresat < clock_timestamp()
      RETURNING id`,
  }
  const look = {
    name: 'crossdock_find_instance',
    text: `SELECT extract(epoch FROM expiresat - clock_timestamp())::double precision * 1000 AS expiresin
      FROM ${instances} WHERE id = $1`,
  }
  return async function registerInstance(request: InstanceRequest): Promise<Registration> {
    const { id, token, leaseMs } = request
    const taken = await database.run(take, [id, token, leaseMs])
    if (taken.rows.length > 0) return { registered: true }
    const { rows } = await database.run<{ expiresin: number }>(look, [id])
    return { registered: false, expiresInMs: Math.max(0, rows[0]?.expiresin ?? 0) }
  }
}

/** Frees an id, and forgets those of processes that died long ago. Walks the whole small table. */
export function makeUnregisterInstance(database: Database) {
  const statement = {
    name: 'crossdock_unregister_instance',
    text: `DELETE FROM ${database.names.instances}
      WHERE (id = $1 AND token = $2) OR expiresat < clock_timestamp() - ${FORGET}`,
  }
  return async function unregisterInstance(
    request: Pick<InstanceRequest, 'id' | 'token'>,
  ): Promise<void> {
    await database.run(statement, [request.id, request.token])
  }
}
