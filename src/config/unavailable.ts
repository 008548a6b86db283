import type { KeyPath } from './key-path.ts'

/**
 * Keys that the contract names and this version does not have. `*` stands for any key, `[]` for any
 * index. A key that the schema has is never looked up here.
 */
export const UNAVAILABLE_KEYS: readonly string[] = [
  'alerts',
  'smtp',
  'templates',
  'telemetry',
  'jobs.enable_metrics',
  'jobs.queues.*.concurrency',
  'jobs.queues.*.rate_limit',
  'http.tls',
  'http.cors',
  'auth.keys',
  'auth.jwt',
  'integrations.*.subscriptions[].batch',
]

/** Values that the contract names and this version does not have, by the key that takes them. */
const UNAVAILABLE_VALUES: Readonly<Record<string, readonly string[]>> = {
  'auth.mode': ['keys', 'jwt'],
}

const PATTERNS = UNAVAILABLE_KEYS.map((key) => key.replaceAll('[]', '.[]').split('.'))

/** Whether `path` is one of {@link UNAVAILABLE_KEYS}. */
export function isUnavailableKey(path: KeyPath): boolean {
  return PATTERNS.some(
    (pattern) =>
      pattern.length === path.length &&
      pattern.every((step, index) => {
        const actual = path[index]
        return step === '*' || (typeof actual === 'number' ? step === '[]' : step === actual)
      }),
  )
}

/** The keys of {@link UNAVAILABLE_KEYS} that stand directly below `parent`: for suggestions. */
export function unavailableKeysBelow(parent: KeyPath): readonly string[] {
  const last = PATTERNS.filter((pattern) => pattern.length === parent.length + 1)
    .map((pattern) => pattern.at(-1) ?? '')
    .filter((key) => isUnavailableKey([...parent, key]))
  return [...new Set(last)]
}

/** Whether the contract allows `value` at `key`, and this version does not have it. */
export function isUnavailableValue(key: string, value: unknown): boolean {
  const values: readonly unknown[] = UNAVAILABLE_VALUES[key] ?? []
  return values.includes(value)
}
