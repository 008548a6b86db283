import type { KeyPath } from './key-path.ts'

/** What stands where a secret was. */
export const MASK = '***'

const SECRET_NAME =
  /pass(word|wd|phrase)?|secret|token(?!_url)|credential|private|authorization|cookie|api[-_]?key|(^|_)key$/i
const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:@/?#]*:)\S*@/gi
const URL_QUERY = /([?&](?:[^=&\s]*(?:pass|secret|token|key)[^=&\s]*)=)[^&\s"]*/gi

/** Whether a key, or a variable of the environment, has a name that secrets have. */
export function looksSecret(name: string): boolean {
  return SECRET_NAME.test(name)
}

/**
 * The key that says what the value at `path` is. What stands below `secrets` has an index or a name of
 * somebody's choice as its own; so have the fixed headers of a connection, and the `value` of its `auth`
 * says nothing.
 */
export function namingKey(path: KeyPath): string {
  const isHidden = path.includes('secrets') || isWithinConnection(path)
  return isHidden ? 'secrets' : String(path.at(-1) ?? '')
}

function isWithinConnection([root, , kind, , part, key]: KeyPath): boolean {
  if (root !== 'integrations' || kind !== 'connections') return false
  return part === 'headers' ? key !== undefined : part === 'auth' && key === 'value'
}

/** The same text without the passwords of the addresses in it. */
export function maskUrls(text: string): string {
  return text.replaceAll(URL_PASSWORD, `$1${MASK}@`).replaceAll(URL_QUERY, `$1${MASK}`)
}
