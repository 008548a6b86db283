import snappyjs from 'snappyjs'

/** What stands before Java's blocks: the magic number, and two versions of four bytes each. */
const MAGIC = Buffer.from('82534e4150505900', 'hex')
const HEADER_BYTES = 16
const LENGTH_BYTES = 4

/** One raw block, which every client reads. */
export function snappyCompress(plain: Buffer): Buffer {
  return Buffer.from(snappyjs.compress(plain))
}

/** Raw blocks as librdkafka's clients write them, and blocks with lengths before them as Java's do. */
export function snappyDecompress(packed: Buffer): Buffer {
  if (!packed.subarray(0, MAGIC.length).equals(MAGIC))
    return Buffer.from(snappyjs.uncompress(packed))
  const parts: Buffer[] = []
  let place = HEADER_BYTES
  while (place < packed.length) {
    const begin = place + LENGTH_BYTES
    place = begin + packed.readUInt32BE(place)
    parts.push(Buffer.from(snappyjs.uncompress(packed.subarray(begin, place))))
  }
  return Buffer.concat(parts)
}
