import type { KnownPacket, PacketStore } from '../../ports/client-slots.ts'
import type { Database } from './connect.ts'

/**
 * The packets of durable clients. Every statement walks the primary key of one slot's few rows. What writes holds the
 * slot's row meanwhile, so that nobody takes the slot between the look and the commit.
 */
export function makeClientPackets(database: Database): PacketStore {
  const { clientPackets, clientSlots } = database.names
  const list = {
    name: 'crossdock_list_client_packets',
    text: `SELECT packetid AS "packetId", identity FROM ${clientPackets} WHERE name = $1 AND slot = $2`,
  }
  const mine = `mine AS MATERIALIZED (
      SELECT name, slot FROM ${clientSlots} WHERE name = $1 AND slot = $2 AND token = $3 FOR SHARE)`
  const remember = {
    name: 'crossdock_remember_client_packets',
    text: `WITH ${mine}, written AS (
        INSERT INTO ${clientPackets} (name, slot, packetid, identity)
        SELECT mine.name, mine.slot, p.packetid, p.identity
        FROM mine, unnest($4::int[], $5::varchar[]) AS p(packetid, identity)
        ON CONFLICT (name, slot, packetid) DO UPDATE SET identity = excluded.identity)
      SELECT 1 FROM mine`,
  }
  const forget = {
    name: 'crossdock_forget_client_packets',
    text: `WITH ${mine}, gone AS (
        DELETE FROM ${clientPackets} AS p USING mine
        WHERE p.name = mine.name AND p.slot = mine.slot
          AND ($4::int[] IS NULL OR p.packetid = ANY ($4::int[])))
      SELECT 1 FROM mine`,
  }
  return {
    listPackets: async ({ name, slot }) =>
      (await database.run<{ packetId: number; identity: string }>(list, [name, slot])).rows,
    rememberPackets: async ({ name, slot, token, packets }) => {
      const last = [...new Map(packets.map((one) => [one.packetId, one])).values()]
      const identities = last.map(({ identity }) => identity)
      const { rows } = await database.run(remember, [name, slot, token, idsOf(last), identities])
      return rows.length > 0
    },
    forgetPackets: async ({ name, slot, token, packetIds }) => {
      const { rows } = await database.run(forget, [name, slot, token, packetIds ?? null])
      return rows.length > 0
    },
  }
}

function idsOf(packets: readonly KnownPacket[]): readonly number[] {
  return packets.map(({ packetId }) => packetId)
}
