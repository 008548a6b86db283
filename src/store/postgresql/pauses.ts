import { CrossdockError } from '../../domain/errors.ts'
import type { PauseChange, PauseRecord, PauseStore } from '../../ports/pauses.ts'
import { MAX_PAUSES, type PauseRow, pauseOf } from '../pause-rows.ts'
import type { Database } from './connect.ts'

/** What people have paused. Walks the primary key of a small table. */
export function makePauses(database: Database): PauseStore {
  const { pauses } = database.names
  const columns = 'address, paused, changedon, changedby, reason'
  const list = {
    name: 'crossdock_pauses',
    text: `SELECT ${columns} FROM ${pauses} ORDER BY address LIMIT ${MAX_PAUSES}`,
  }
  const find = {
    name: 'crossdock_pause',
    text: `SELECT ${columns} FROM ${pauses} WHERE address = $1`,
  }
  // Who asks for what stands already changes nothing: it stays known who paused it first, and why.
  const set = {
    name: 'crossdock_set_pause',
    text: `INSERT INTO ${pauses} AS p (address, paused, changedby, reason) VALUES ($1, $2, $3, $4)
      ON CONFLICT (address) DO UPDATE SET paused = excluded.paused, changedon = clock_timestamp(),
        changedby = excluded.changedby, reason = excluded.reason
      WHERE p.paused <> excluded.paused`,
  }
  return {
    list: async () => (await database.run<PauseRow>(list, [])).rows.map(pauseOf),
    set: async (change: PauseChange): Promise<PauseRecord> => {
      const { address, paused, changedBy, reason } = change
      await database.run(set, [address, paused, changedBy, reason])
      const [row] = (await database.run<PauseRow>(find, [address])).rows
      if (row !== undefined) return pauseOf(row)
      throw new CrossdockError('database_retryable', `the pause of ${address} is gone again`)
    },
  }
}
