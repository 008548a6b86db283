/** Kinds of packets that tests look for, as in the first four bits. Source: MQTT 5, section 2.1.2. */
export const PACKET_KINDS = { publish: 3, puback: 4, pubrec: 5 } as const

/** A packet in the bytes of one side. */
export interface SeenPacket {
  readonly kind: number
  readonly bytes: Buffer
}

/** Cuts the bytes that one side sends into packets: a function that is given them as they come. */
export function packetSplitter(): (bytes: Buffer) => readonly SeenPacket[] {
  let pending = Buffer.alloc(0)
  return (bytes) => {
    pending = Buffer.concat([pending, bytes])
    const packets: SeenPacket[] = []
    for (;;) {
      // One byte of kind, then the length in groups of seven bits, the lowest first.
      let length = 0
      let at = 1
      for (; at < pending.length; at += 1) {
        const byte = pending[at] ?? 0
        length += (byte & 0x7f) << (7 * (at - 1))
        if ((byte & 0x80) === 0) break
      }
      const end = at + 1 + length
      if (at >= pending.length || end > pending.length) return packets
      packets.push({ kind: (pending[0] ?? 0) >> 4, bytes: pending.subarray(0, end) })
      pending = pending.subarray(end)
    }
  }
}
