import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { lz4Compress, lz4Decompress } from '../../../adapters/kafka/kafkajs/lz4.ts'
import { snappyCompress, snappyDecompress } from '../../../adapters/kafka/kafkajs/snappy.ts'

const MIB = 1024 * 1024
const BODIES: readonly (readonly [string, Buffer])[] = [
  ['nothing', Buffer.alloc(0)],
  ['a word', Buffer.from('word')],
  ['what repeats', Buffer.from('abc'.repeat(10_000))],
  ['what cannot be packed', randomBytes(70_000)],
  ['more than one block', Buffer.concat([randomBytes(MIB), Buffer.alloc(5 * MIB, 'x')])],
]

describe('codecs of Kafka', () => {
  it.each(BODIES)('lz4 gives back %s', (_, body) => {
    expect(lz4Decompress(lz4Compress(body)).equals(body)).toBe(true)
  })

  it('lz4 says that its blocks are independent: brokers refuse others', () => {
    const flags = lz4Compress(Buffer.from('abc'.repeat(100)))[4] ?? 0
    expect(flags & 0x20).toBe(0x20)
  })

  it.each(BODIES.slice(1))(
    'snappy gives back %s, also in blocks as Java writes them',
    (_, body) => {
      const packed = snappyCompress(body)
      expect(snappyDecompress(packed).equals(body)).toBe(true)
      const length = Buffer.alloc(4)
      length.writeUInt32BE(packed.length)
      const header = Buffer.from('82534e41505059000000000100000001', 'hex')
      const framed = Buffer.concat([header, length, packed, length, packed])
      expect(snappyDecompress(framed).equals(Buffer.concat([body, body]))).toBe(true)
    },
  )
})
