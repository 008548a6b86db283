import { createHash } from 'node:crypto'

/** A number from 0 to `width` - 1, the same for the same seed on every instance. */
export function drawn(seed: string, width: number): number {
  return createHash('sha256').update(seed).digest().readUInt32BE(0) % width
}
