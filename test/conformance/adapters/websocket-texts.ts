/**
 * Reads the texts that a client sends over a WebSocket, from the bytes of its connection; what is plain HTTP has
 * none. Frames must not be compressed.
 * Source: RFC 6455, section 5.2.
 */
export function websocketTexts(found: (text: string) => void): (bytes: Buffer) => void {
  let pending = Buffer.alloc(0)
  let isUpgraded: boolean | undefined
  return (bytes) => {
    if (isUpgraded === false) return
    pending = Buffer.concat([pending, bytes])
    if (isUpgraded === undefined) {
      const end = pending.indexOf('\r\n\r\n')
      if (end < 0) return
      isUpgraded = /^upgrade: *websocket/im.test(pending.subarray(0, end).toString('latin1'))
      pending = pending.subarray(end + 4)
    }
    for (;;) {
      const frame = isUpgraded ? firstFrame(pending) : undefined
      if (frame === undefined) return
      pending = pending.subarray(frame.end)
      if (frame.opcode === TEXT) found(frame.payload.toString())
    }
  }
}

const TEXT = 1
const MASK_BYTES = 4

function firstFrame(
  bytes: Buffer,
): { readonly opcode: number; readonly payload: Buffer; readonly end: number } | undefined {
  if (bytes.length < 2) return undefined
  const short = (bytes[1] ?? 0) & 0x7f
  const extra = short === 126 ? 2 : short === 127 ? 8 : 0
  const head = 2 + extra + MASK_BYTES
  if (bytes.length < head) return undefined
  const length =
    extra === 0 ? short : extra === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
  const end = head + length
  if (bytes.length < end) return undefined
  const mask = bytes.subarray(head - MASK_BYTES, head)
  const payload = Buffer.from(
    bytes.subarray(head, end).map((byte, index) => byte ^ (mask[index % MASK_BYTES] ?? 0)),
  )
  return { opcode: (bytes[0] ?? 0) & 0x0f, payload, end }
}
