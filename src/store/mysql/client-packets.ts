import type { PacketStore } from '../../ports/client-slots.ts'
import type { Database } from './connect.ts'
import { list, literal } from './text.ts'

/** The packets of durable clients. Every statement walks the primary key of one slot's few rows. */
export function makeClientPackets(database: Database): PacketStore {
  const { clientPackets } = database.names
  const ofSlot = (name: string, slot: number): string =>
    `name = ${literal(name)} AND slot = ${literal(slot)}`
  return {
    listPackets: async ({ name, slot }) => {
      const { rows } = await database.run<{ packetId: number; identity: string }>(
        `SELECT packetid AS packetId, identity FROM ${clientPackets} WHERE ${ofSlot(name, slot)}`,
      )
      return rows
    },
    rememberPackets: async ({ name, slot, packets }) => {
      if (packets.length === 0) return
      const values = packets.map(
        ({ packetId, identity }) =>
          `(${literal(name)}, ${literal(slot)}, ${literal(packetId)}, ${literal(identity)})`,
      )
      await database.run(`INSERT INTO ${clientPackets} (name, slot, packetid, identity)
        VALUES ${values.join(', ')} ON DUPLICATE KEY UPDATE identity = VALUES(identity)`)
    },
    forgetPackets: async ({ name, slot, packetIds }) => {
      const which = packetIds === undefined ? '' : ` AND packetid IN (${list(packetIds)})`
      await database.run(`DELETE FROM ${clientPackets} WHERE ${ofSlot(name, slot)}${which}`)
    },
  }
}
