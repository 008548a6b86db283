import { CrossdockError } from '../../domain/errors.ts'
import type { PauseChange, PauseRecord, PauseStore } from '../../ports/pauses.ts'
import { MAX_PAUSES, type PauseRow, pauseOf } from '../pause-rows.ts'
import type { Database } from './connect.ts'
import { literal } from './text.ts'

/** What people have paused. Walks the primary key of a small table. */
export function makePauses(database: Database): PauseStore {
  const { pauses } = database.names
  const select = `SELECT address, paused, changedon, changedby, reason FROM ${pauses}`
  return {
    list: async () =>
      (await database.run<PauseRow>(`${select} ORDER BY address LIMIT ${MAX_PAUSES}`)).rows.map(
        pauseOf,
      ),
    set: async ({ address, paused, changedBy, reason }: PauseChange): Promise<PauseRecord> => {
      // Assignments are made from left to right: `paused` comes last, and decides about those before it.
      const keep = (column: string): string =>
        `${column} = IF(paused <> VALUES(paused), VALUES(${column}), ${column})`
      await database.run(`INSERT INTO ${pauses} (address, paused, changedon, changedby, reason)
        VALUES (${literal(address)}, ${paused ? 1 : 0}, UTC_TIMESTAMP(6), ${literal(changedBy)},
          ${literal(reason)})
        ON DUPLICATE KEY UPDATE ${['changedon', 'changedby', 'reason'].map(keep).join(', ')},
          paused = VALUES(paused)`)
      const { rows } = await database.run<PauseRow>(`${select} WHERE address = ${literal(address)}`)
      if (rows[0] !== undefined) return pauseOf(rows[0])
      throw new CrossdockError('database_retryable', `the pause of ${address} is gone again`)
    },
  }
}
