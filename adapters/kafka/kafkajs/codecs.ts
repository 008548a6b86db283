import { promisify } from 'node:util'
import { zstdCompress, zstdDecompress } from 'node:zlib'
import kafkajs from 'kafkajs'
import { lz4Compress, lz4Decompress } from './lz4.ts'
import { snappyCompress, snappyDecompress } from './snappy.ts'

const { CompressionCodecs, CompressionTypes } = kafkajs

/** What the library asks of a codec: it compresses what its own encoder holds. */
interface Codec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>
  decompress(buffer: Buffer): Promise<Buffer>
}

const zstd = { compress: promisify(zstdCompress), decompress: promisify(zstdDecompress) }

const SNAPPY: Codec = {
  compress: async ({ buffer }) => snappyCompress(buffer),
  decompress: async (buffer) => snappyDecompress(buffer),
}

const LZ4: Codec = {
  compress: async ({ buffer }) => lz4Compress(buffer),
  decompress: async (buffer) => lz4Decompress(buffer),
}

const ZSTD: Codec = {
  compress: ({ buffer }) => zstd.compress(buffer),
  decompress: (buffer) => zstd.decompress(buffer),
}

/** Teaches the library what it lacks; gzip it has. The table is the library's own, for the whole process. May be called twice. */
export function registerCodecs(): void {
  CompressionCodecs[CompressionTypes.Snappy] = () => SNAPPY
  CompressionCodecs[CompressionTypes.LZ4] = () => LZ4
  CompressionCodecs[CompressionTypes.ZSTD] = () => ZSTD
}
