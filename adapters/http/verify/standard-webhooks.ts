import { createHmac } from 'node:crypto'
import { CrossdockError } from '../../../src/domain/errors.ts'
import { headerValues } from './header-values.ts'
import { refuse, type Verify } from './proof.ts'
import { isSame, type NamedSecret } from './secrets.ts'

const PREFIX = 'whsec_'
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/
/** Of 32 bytes in base64. Others are passed over: a header has room for thousands of short ones. */
const SIGNATURE_LENGTH = 44
/** Seconds since 1970; more digits are no time that a clock here can have. */
const TIMESTAMP = /^\d{1,12}$/

/** What {@link verifyStandardWebhooks} takes. */
export interface StandardWebhooksOptions {
  /** Each of them `whsec_` and base64, or the characters of the key itself. */
  readonly secrets: readonly NamedSecret[]
  /** How far `webhook-timestamp` may be from the clock here, to either side. */
  readonly toleranceMs: number
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/**
 * Standard Webhooks with symmetric keys: `webhook-signature` holds, separated by spaces, `v1,` and the
 * base64 of an HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>`. Any signature may match any
 * secret, so that either side can change its secret first. Other versions (`v1a`) are passed over.
 *
 * The signature is judged before the time, so that `expired` is told to nobody but holders of a secret.
 * An id with a full stop is refused: the parts could be divided elsewhere, and the same signature would
 * hold for another id, time and body.
 * Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 * @throws CrossdockError `config_invalid` when a secret begins with `whsec_` and is no base64
 */
export function verifyStandardWebhooks({
  secrets,
  toleranceMs,
  now,
}: StandardWebhooksOptions): Verify {
  const keys = secrets.map(({ sender, secret }) => ({ sender, key: signingKey(secret) }))
  return (request) => {
    const ids = headerValues(request, 'webhook-id')
    const timestamps = headerValues(request, 'webhook-timestamp')
    const lists = headerValues(request, 'webhook-signature')
    const [id = '', timestamp = '', list = ''] = [ids[0], timestamps[0], lists[0]]
    if (id === '' || timestamp === '' || list === '') return refuse('missing')
    if (ids.length > 1 || timestamps.length > 1 || lists.length > 1) return refuse('invalid')
    if (id.includes('.') || !TIMESTAMP.test(timestamp)) return refuse('invalid')
    const given = list
      .split(' ')
      .filter((entry) => entry.startsWith('v1,'))
      .map((entry) => entry.slice('v1,'.length))
      .filter((signature) => signature.length === SIGNATURE_LENGTH)
    const matching = keys.filter(({ key }) => {
      // Node gives each byte of a header as one character.
      const signed = createHmac('sha256', key).update(`${id}.${timestamp}.`, 'latin1')
      const expected = signed.update(request.body).digest('base64')
      // Every one is looked at, whichever matches.
      return given.filter((signature) => isSame(signature, expected)).length > 0
    })
    const [match] = matching
    if (match === undefined) return refuse('invalid')
    if (Math.abs(now() - Number(timestamp) * 1_000) > toleranceMs) return refuse('expired')
    return { ok: true, sender: match.sender, signedId: id }
  }
}

/**
 * The bytes that a secret signs with; `undefined`: it begins with `whsec_` and is no base64 after that.
 * Without that prefix its characters are the key, also where they look like base64.
 */
export function decodeSecret(secret: string): Buffer | undefined {
  if (!secret.startsWith(PREFIX)) return Buffer.from(secret)
  const text = secret.slice(PREFIX.length)
  if (!BASE64.test(text)) return undefined
  const key = Buffer.from(text, 'base64')
  const unpadded = (base64: string): string => base64.replace(/=+$/, '')
  return unpadded(key.toString('base64')) === unpadded(text) ? key : undefined
}

function signingKey(secret: string): Buffer {
  const key = decodeSecret(secret)
  if (key !== undefined) return key
  throw new CrossdockError('config_invalid', 'A secret begins with whsec_ and is not base64.')
}
