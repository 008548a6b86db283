import type { KnownPacket, PacketStore } from '../../ports/client-slots.ts'
import type { Database } from './connect.ts'

/** The packets of durable clients. Every statement walks the primary key of one slot's few rows. */
export function makeClientPackets(database: Database): PacketStore {
  const { clientPackets } = database.names
  const list = {
    name: 'crossdock_list_client_packets',
    text: `SELECT packetid AS "packetId", identity FROM ${clientPackets} WHERE name = $1 AND slot = $2`,
  }
  const remember = {
    name: 'crossdock_remember_client_packets',
    text: `INSERT INTO ${clientPackets} (name, slot, packetid, identity)
      SELECT $1, $2, p.packetid, p.identity FROM unnest($3::int[], $4::varchar[]) AS p(packetid, identity)
      ON CONFLICT (name, slot, packetid) DO UPDATE SET identity = excluded.identity`,
  }
  const forget = {
    name: 'crossdock_forget_client_packets',
    text: `DELETE FROM ${clientPackets}
      WHERE name = $1 AND slot = $2 AND ($3::int[] IS NULL OR packetid = ANY ($3::int[]))`,
  }
  return {
    listPackets: async ({ name, slot }) =>
      (await database.run<{ packetId: number; identity: string }>(list, [name, slot])).rows,
    rememberPackets: async ({ name, slot, packets }) => {
      const last = [...new Map(packets.map((one) => [one.packetId, one])).values()]
      await database.run(remember, [name, slot, idsOf(last), last.map(({ identity }) => identity)])
    },
    forgetPackets: async ({ name, slot, packetIds }) => {
      await database.run(forget, [name, slot, packetIds ?? null])
    },
  }
}

function idsOf(packets: readonly KnownPacket[]): readonly number[] {
  return packets.map(({ packetId }) => packetId)
}
