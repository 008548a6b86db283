import { z } from 'zod'
import { DURATION_TEXT, durationMs } from '../../../src/domain/duration.ts'
import { type ConfiguredSecrets, namedSecrets } from './secrets.ts'
import { decodeSecret } from './standard-webhooks.ts'

const MIN_SECRET_LENGTH = 16
const MIN_TOLERANCE_MS = 1_000
const MAX_TOLERANCE_MS = 86_400_000
const DEFAULT_TOLERANCE_MS = 300_000

const senderName = z
  .string()
  .max(100)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/)
  .meta({
    expects:
      'a name of at most 100 letters, digits, dots, dashes and underscores, a letter or digit first',
    term: 'name',
  })

const secrets = z.union([
  z.array(z.string()),
  z.record(senderName, z.union([z.string(), z.array(z.string())])),
])

/** What a subscription says about who may send: `verify`. */
export const verifyOptions = z
  .strictObject({
    type: z
      .enum(['standard-webhooks', 'github', 'api_key'])
      .describe('How senders show who they are.'),
    secrets: secrets.describe(
      'What they share with us: a list, of which any one may be used, or an object from the name of a sender to its secret or list of secrets. At least 16 characters each.',
    ),
    tolerance: z
      .union([z.number(), z.string().regex(DURATION_TEXT)])
      .optional()
      .meta({
        expects:
          'a duration: a number of seconds, or text such as "30s", "5m"; at least 1s and at most 1d',
        term: 'duration (s)',
      })
      .describe(
        'For `standard-webhooks`: how far `webhook-timestamp` may be from the clock here, to either side. Left out: 5m.',
      ),
  })
  .superRefine((verify, context) => {
    const report = (path: readonly (string | number)[], message: string): void => {
      context.addIssue({ code: 'custom', path: [...path], message })
    }
    for (const [path, problem] of secretProblems(verify)) report(['secrets', ...path], problem)
    if (verify.tolerance === undefined) return
    const ms = durationMs(verify.tolerance, 's')
    if (verify.type !== 'standard-webhooks') {
      report([], `tolerance is for standard-webhooks: ${verify.type} knows no time; remove it`)
    } else if (ms === undefined || ms < MIN_TOLERANCE_MS || ms > MAX_TOLERANCE_MS) {
      report(['tolerance'], 'is out of range')
    }
  })

/** Checked options of `verify`. */
export type VerifyOptions = z.output<typeof verifyOptions>

/** `tolerance` in milliseconds, its default filled in. */
export function toleranceMs({ tolerance }: Pick<VerifyOptions, 'tolerance'>): number {
  return tolerance === undefined
    ? DEFAULT_TOLERANCE_MS
    : (durationMs(tolerance, 's') ?? DEFAULT_TOLERANCE_MS)
}

type Problem = readonly [path: readonly (string | number)[], message: string]

/** Never shows a secret, nor a part of one. */
function secretProblems({
  type,
  secrets: configured,
}: {
  readonly type: 'standard-webhooks' | 'github' | 'api_key'
  readonly secrets: ConfiguredSecrets
}): readonly Problem[] {
  const all = namedSecrets(configured)
  const empty = emptyPlaces(configured).map((path): Problem => [
    path,
    'must have at least one secret',
  ])
  const each = all.flatMap(({ secret, path }, index): readonly Problem[] => {
    if (all.findIndex((other) => other.secret === secret) < index) {
      return [[path, 'is the same secret as one before it; give each sender its own']]
    }
    const problem = secretProblem(type, secret)
    return problem === undefined ? [] : [[path, problem]]
  })
  return [...empty, ...each]
}

function emptyPlaces(configured: ConfiguredSecrets): readonly (readonly string[])[] {
  const lists = Object.entries(configured).filter(([, one]) => one.length === 0)
  if (Object.keys(configured).length === 0) return [[]]
  // An empty text is a secret that is too short, and reported as such.
  return lists.filter(([, one]) => typeof one !== 'string').map(([sender]) => [sender])
}

function secretProblem(
  type: 'standard-webhooks' | 'github' | 'api_key',
  secret: string,
): string | undefined {
  if (secret === '') return 'is empty; set the variable or the file that it comes from'
  if (secret.length < MIN_SECRET_LENGTH) {
    return `is shorter than ${MIN_SECRET_LENGTH} characters, and could be guessed; take a longer one`
  }
  if (type === 'api_key' && !/^[\x21-\x7e]+$/.test(secret)) {
    return 'has characters that no header can carry; take letters, digits and punctuation, without spaces'
  }
  if (type !== 'standard-webhooks') return undefined
  if (/^wh[sp]k_/.test(secret)) {
    return 'is an asymmetric key (whsk_, whpk_), which this version does not take; ask the sender for a whsec_ secret'
  }
  const key = decodeSecret(secret)
  if (key === undefined) return 'begins with whsec_, and what follows is not base64'
  return key.length < MIN_SECRET_LENGTH
    ? `stands for a key of fewer than ${MIN_SECRET_LENGTH} bytes, which could be guessed; take a longer one`
    : undefined
}
