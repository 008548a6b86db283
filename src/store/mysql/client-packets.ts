import type { PacketStore, SlotHolder } from '../../ports/client-slots.ts'
import type { Database } from './connect.ts'
import { list, literal } from './text.ts'

/**
 * The packets of durable clients. Every statement walks the primary key of one slot's few rows. What writes holds the
 * slot's row meanwhile, so that nobody takes the slot between the look and the commit.
 */
export function makeClientPackets(database: Database): PacketStore {
  const { clientPackets, clientSlots } = database.names
  const ofSlot = (name: string, slot: number): string =>
    `name = ${literal(name)} AND slot = ${literal(slot)}`
  /** Writes where the slot is the holder's; `false`: it is not, and nothing was written. */
  const asHolder = ({ name, slot, token }: SlotHolder, text: string): Promise<boolean> =>
    database.transaction(async (run) => {
      const { rows } = await run(
        `SELECT 1 FROM ${clientSlots} WHERE ${ofSlot(name, slot)} AND token = ${literal(token)} LOCK IN SHARE MODE`,
      )
      if (rows.length === 0) return false
      await run(text)
      return true
    })
  return {
    listPackets: async ({ name, slot }) => {
      const { rows } = await database.run<{ packetId: number; identity: string }>(
        `SELECT packetid AS packetId, identity FROM ${clientPackets} WHERE ${ofSlot(name, slot)}`,
      )
      return rows
    },
    rememberPackets: async ({ name, slot, token, packets }) => {
      if (packets.length === 0) return true
      const values = packets.map(
        ({ packetId, identity }) =>
          `(${literal(name)}, ${literal(slot)}, ${literal(packetId)}, ${literal(identity)})`,
      )
      return await asHolder(
        { name, slot, token },
        `INSERT INTO ${clientPackets} (name, slot, packetid, identity)
        VALUES ${values.join(', ')} ON DUPLICATE KEY UPDATE identity = VALUES(identity)`,
      )
    },
    forgetPackets: async ({ name, slot, token, packetIds }) => {
      const which = packetIds === undefined ? '' : ` AND packetid IN (${list(packetIds)})`
      return await asHolder(
        { name, slot, token },
        `DELETE FROM ${clientPackets} WHERE ${ofSlot(name, slot)}${which}`,
      )
    },
  }
}
