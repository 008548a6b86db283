import { createHash } from 'node:crypto'

/** The longest inbox key that is stored as it is; a longer one is hashed. */
const MAX_KEY_BYTES = 200

/**
 * The inbox key of a message: `<subscription>:<identity>`. A key over 200 bytes, and one that ends in a
 * space (which MySQL would compare without it), is stored as `sha256:…`.
 */
export function inboxKey(subscription: string, identity: string): string {
  const key = `${subscription}:${identity}`
  return Buffer.byteLength(key) > MAX_KEY_BYTES ||
    key.endsWith(' ') ||
    key.includes('\0') ||
    !key.isWellFormed()
    ? `sha256:${createHash('sha256').update(key).digest('hex')}`
    : key
}
