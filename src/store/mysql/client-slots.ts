import type { SlotStore } from '../../ports/client-slots.ts'
import type { Database } from './connect.ts'
import { interval, literal } from './text.ts'

const FREE = '(token IS NULL OR expiresat < UTC_TIMESTAMP(6))'
/** A number that somebody else takes in the same moment leads to the next one. */
const ATTEMPTS = 5

/** The slots of durable clients. Every statement walks the primary key of one name's few rows. */
export function makeClientSlots(database: Database): SlotStore {
  const { clientSlots } = database.names

  async function lowestFree(
    name: string,
    limit: number,
    abandoned: boolean,
  ): Promise<number | undefined> {
    const { rows } = await database.run<{ slot: number; free: 0 | 1 }>(
      `SELECT slot, ${FREE} AS free FROM ${clientSlots}
       WHERE name = ${literal(name)} AND slot < ${literal(limit)} ORDER BY slot`,
    )
    if (abandoned) return rows.find(({ free }) => free === 1)?.slot
    const held = new Set(rows.filter(({ free }) => free === 0).map(({ slot }) => slot))
    for (let slot = 0; slot < limit; slot += 1) if (!held.has(slot)) return slot
    return undefined
  }

  return {
    takeSlot: async ({ name, token, leaseMs, limit, abandoned = false }) => {
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        const slot = await lowestFree(name, limit, abandoned)
        if (slot === undefined) return undefined
        // Each assignment sees those before it: the time decides, and the token says who was taken.
        const taken = await database.transaction(async (run) => {
          await run(`INSERT INTO ${clientSlots} (name, slot, token, expiresat)
            VALUES (${literal(name)}, ${literal(slot)}, ${literal(token)}, UTC_TIMESTAMP(6) + ${interval(leaseMs)})
            ON DUPLICATE KEY UPDATE
              token = IF(${FREE}, VALUES(token), token),
              expiresat = IF(token = VALUES(token), VALUES(expiresat), expiresat)`)
          const { rows } = await run<{ token: string | null }>(
            `SELECT token FROM ${clientSlots} WHERE name = ${literal(name)} AND slot = ${literal(slot)}`,
          )
          return rows[0]?.token === token
        })
        if (taken) return slot
      }
      return undefined
    },
    renewSlots: async ({ keys, token, leaseMs }) => {
      if (keys.length === 0) return []
      const mine = `token = ${literal(token)} AND (${keys
        .map(({ name, slot }) => `(name = ${literal(name)} AND slot = ${literal(slot)})`)
        .join(' OR ')})`
      return await database.transaction(async (run) => {
        await run(
          `UPDATE ${clientSlots} SET expiresat = UTC_TIMESTAMP(6) + ${interval(leaseMs)} WHERE ${mine}`,
        )
        const { rows } = await run<{ name: string; slot: number }>(
          `SELECT name, slot FROM ${clientSlots} WHERE ${mine}`,
        )
        return rows
      })
    },
    releaseSlot: async ({ name, slot, token }) => {
      await database.run(`UPDATE ${clientSlots} SET token = NULL, expiresat = NULL
        WHERE name = ${literal(name)} AND slot = ${literal(slot)} AND token = ${literal(token)}`)
    },
  }
}
