/** The element types of {@link arrayParameter}, as the system catalogue numbers them. */
const ELEMENTS = {
  text: { oid: 25, prefix: 0 },
  int: { oid: 23, prefix: 0 },
  // A version in front of its text.
  jsonb: { oid: 3802, prefix: 1 },
} as const

/** Dimensions, whether there are NULLs, the element type; the length and the lower bound of the one dimension. */
const HEAD_BYTES = 20
const LENGTH_BYTES = 4
const INT_BYTES = 4
const IS_NULL = -1
const JSONB_VERSION = 1

/**
 * An array as the protocol sends it in binary. As text, which is the driver's way, each element is escaped and the whole put
 * together piece by piece: 1,000 rows from Kafka then cost this process 28 ms instead of 23.5, and the server 38 instead of 34.
 */
export function arrayParameter(
  type: keyof typeof ELEMENTS,
  values: readonly (string | number | null)[],
): Buffer {
  const { oid, prefix } = ELEMENTS[type]
  const lengths = values.map((value) => lengthOf(value, prefix))
  const size = lengths.reduce((sum, length) => sum + LENGTH_BYTES + Math.max(length, 0), HEAD_BYTES)
  const bytes = Buffer.allocUnsafe(size)
  let at = bytes.writeInt32BE(1, 0)
  at = bytes.writeInt32BE(lengths.includes(IS_NULL) ? 1 : 0, at)
  at = bytes.writeInt32BE(oid, at)
  at = bytes.writeInt32BE(values.length, at)
  at = bytes.writeInt32BE(1, at)
  values.forEach((value, index) => {
    at = bytes.writeInt32BE(lengths[index] ?? IS_NULL, at)
    if (value === null) return
    if (typeof value === 'number') at = bytes.writeInt32BE(value, at)
    else {
      if (prefix > 0) at = bytes.writeUInt8(JSONB_VERSION, at)
      at += bytes.write(value, at)
    }
  })
  return bytes
}

function lengthOf(value: string | number | null, prefix: number): number {
  if (value === null) return IS_NULL
  return typeof value === 'number' ? INT_BYTES : prefix + Buffer.byteLength(value)
}
