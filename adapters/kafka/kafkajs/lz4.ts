import lz4js from 'lz4js'

/** Magic number, version and "blocks are independent", blocks of at most 4 MiB, and the checksum of the last two bytes. */
const HEADER = Buffer.from('04224d18607073', 'hex')
const END_MARK = Buffer.alloc(4)
const BLOCK_BYTES = 4 * 1024 * 1024

/**
 * An LZ4 frame whose blocks are independent: brokers refuse others, and the package writes them so that each may lean on the
 * one before. So each block is made by itself, and the frame around them here.
 * Source: the LZ4 frame format, section "Frame descriptor".
 */
export function lz4Compress(plain: Buffer): Buffer {
  const parts: Buffer[] = [HEADER]
  for (let begin = 0; begin < plain.length; begin += BLOCK_BYTES) {
    const frame = lz4js.compress(plain.subarray(begin, begin + BLOCK_BYTES))
    parts.push(Buffer.from(frame).subarray(HEADER.length, frame.length - END_MARK.length))
  }
  return Buffer.concat([...parts, END_MARK])
}

/** What an LZ4 frame holds. */
export function lz4Decompress(frame: Buffer): Buffer {
  return Buffer.from(lz4js.decompress(frame))
}
