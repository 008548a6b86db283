import type { DatabaseConfiguration } from '../config/configuration.ts'

/** Which database this is, in words, without its password. */
export function databaseText({ type, url, dataDir, schema }: DatabaseConfiguration): string {
  const place = schema === 'public' ? '' : `, schema ${schema}`
  if (type === 'embedded' || url === undefined) return `embedded PostgreSQL in ${dataDir}${place}`
  const { host, pathname, username } = new URL(url)
  const user = username === '' ? '' : `${username}@`
  return `PostgreSQL at ${user}${host}${pathname}${place}`
}
