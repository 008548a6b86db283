import type { SlotStore } from '../../ports/client-slots.ts'
import type { Database } from './connect.ts'

/** A number that somebody else takes in the same moment leads to the next one. */
const ATTEMPTS = 5

/** The slots of durable clients. Every statement walks the primary key of one name's few rows. */
export function makeClientSlots(database: Database): SlotStore {
  const { clientSlots } = database.names
  const lease = `clock_timestamp() + $3::double precision * interval '1 millisecond'`
  const take = {
    name: 'crossdock_take_client_slot',
    text: `INSERT INTO ${clientSlots} AS s (name, slot, token, expiresat)
      SELECT $1, n.slot, $2, ${lease}
      FROM generate_series(0, $4::int - 1) AS n(slot)
      LEFT JOIN ${clientSlots} AS o ON o.name = $1 AND o.slot = n.slot
      WHERE CASE WHEN o.slot IS NULL THEN NOT $5::boolean
        ELSE o.token IS NULL OR o.expiresat < clock_timestamp() END
      ORDER BY n.slot LIMIT 1
      ON CONFLICT (name, slot) DO UPDATE SET token = excluded.token, expiresat = excluded.expiresat
        WHERE s.token IS NULL OR s.expiresat < clock_timestamp()
      RETURNING s.slot, true AS taken`,
  }
  const anyFree = {
    name: 'crossdock_count_client_slots',
    text: `SELECT count(*)::int AS held FROM ${clientSlots}
      WHERE name = $1 AND slot < $2 AND token IS NOT NULL AND expiresat >= clock_timestamp()`,
  }
  const renew = {
    name: 'crossdock_renew_client_slots',
    text: `UPDATE ${clientSlots} AS s SET expiresat = ${lease}
      FROM unnest($1::varchar[], $4::int[]) AS k(name, slot)
      WHERE s.name = k.name AND s.slot = k.slot AND s.token = $2
      RETURNING s.name, s.slot`,
  }
  const release = {
    name: 'crossdock_release_client_slot',
    text: `UPDATE ${clientSlots} SET token = NULL, expiresat = NULL
      WHERE name = $1 AND slot = $2 AND token = $3`,
  }
  return {
    takeSlot: async ({ name, token, leaseMs, limit, abandoned = false }) => {
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        const { rows } = await database.run<{ slot: number }>(take, [
          name,
          token,
          leaseMs,
          limit,
          abandoned,
        ])
        if (rows[0] !== undefined) return rows[0].slot
        if (abandoned) return undefined
        const { rows: counted } = await database.run<{ held: number }>(anyFree, [name, limit])
        if ((counted[0]?.held ?? 0) >= limit) return undefined
      }
      return undefined
    },
    renewSlots: async ({ keys, token, leaseMs }) => {
      const { rows } = await database.run<{ name: string; slot: number }>(renew, [
        keys.map(({ name }) => name),
        token,
        leaseMs,
        keys.map(({ slot }) => slot),
      ])
      return rows
    },
    releaseSlot: async ({ name, slot, token }) => {
      await database.run(release, [name, slot, token])
    },
  }
}
