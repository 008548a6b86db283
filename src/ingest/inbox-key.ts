import { createHash } from 'node:crypto'
import { addressOf, type PublicationAddress } from '../domain/outbound.ts'

/** The longest inbox key that is stored as it is; a longer one is hashed. */
const MAX_KEY_BYTES = 200

/** An identity that ends like the key of a route's row: the two must not be one key. */
const LIKE_A_TARGET = />[a-z]+:[A-Za-z0-9][A-Za-z0-9._-]*$/

/** What stands before the key of a route's row where it is hashed. No subscription's name begins so. */
const TARGET_MARK = '>target:'

/**
 * The inbox key of a message: `<subscription>:<identity>`. A key over 200 bytes, and one that ends in a
 * space (which MySQL would compare without it), is stored as `sha256:…`.
 */
export function inboxKey(subscription: string, identity: string): string {
  const key = `${subscription}:${identity}`
  return LIKE_A_TARGET.test(identity) ? hashed(key) : stored(key)
}

/**
 * The inbox key of a route's row: that of its message, and `>target` behind it. Its hash is one of its kind, or an identity that
 * ends like a target would have the same.
 */
export function targetInboxKey(
  subscription: string,
  identity: string,
  { protocol, publication }: PublicationAddress,
): string {
  const key = `${subscription}:${identity}>${addressOf(protocol, publication)}`
  return stored(key, TARGET_MARK)
}

/**
 * The inbox key of what a dead letter is replayed as, so that it is replayed once. Begins as no subscription's name can.
 */
export function replayKey(deadLetterId: string): string {
  return stored(`>replay:${deadLetterId}`)
}

/** `mark`: what tells its hash from that of the same text as another kind of key. */
function stored(key: string, mark = ''): string {
  const isPlain =
    Buffer.byteLength(key) <= MAX_KEY_BYTES &&
    !key.endsWith(' ') &&
    !key.includes('\0') &&
    key.isWellFormed()
  return isPlain ? key : hashed(`${mark}${key}`)
}

function hashed(key: string): string {
  return `sha256:${createHash('sha256').update(key).digest('hex')}`
}
