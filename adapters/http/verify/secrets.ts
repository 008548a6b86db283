import { createHash, timingSafeEqual } from 'node:crypto'

/** `verify.secrets` as configured: a list of one sender's, or a sender's name → its secret or secrets. */
export type ConfiguredSecrets =
  readonly string[] | Readonly<Record<string, string | readonly string[]>>

/** One secret, and whose it is. */
export interface NamedSecret {
  /** `undefined`: of a list, whose secrets have no names. */
  readonly sender: string | undefined
  readonly secret: string
  /** Where it stands below `secrets`, for messages. */
  readonly path: readonly (string | number)[]
}

/** Every secret, in the order of the file. */
export function namedSecrets(secrets: ConfiguredSecrets): readonly NamedSecret[] {
  if (isList(secrets)) {
    return secrets.map((secret, index) => ({ sender: undefined, secret, path: [index] }))
  }
  return Object.entries(secrets).flatMap(([sender, one]) =>
    typeof one === 'string'
      ? [{ sender, secret: one, path: [sender] }]
      : one.map((secret, index) => ({ sender, secret, path: [sender, index] })),
  )
}

/**
 * Whether two values are the same, in a time that tells nothing of where they differ. Their hashes are
 * compared: `timingSafeEqual` takes equal lengths alone, and asking for the lengths first would tell
 * how long the secret is.
 */
export function isSame(given: string | Uint8Array, expected: string | Uint8Array): boolean {
  return timingSafeEqual(digest(given), digest(expected))
}

function digest(value: string | Uint8Array): Buffer {
  return createHash('sha256').update(value).digest()
}

function isList(secrets: ConfiguredSecrets): secrets is readonly string[] {
  return Array.isArray(secrets)
}
