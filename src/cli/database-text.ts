import type { DatabaseConfiguration } from '../config/configuration.ts'

/** Which database this is, in words, without its password. */
export function databaseText({ type, url, dataDir, schema }: DatabaseConfiguration): string {
  if (type === 'embedded' || url === undefined)
    return `embedded PostgreSQL in ${dataDir}${schemaText(schema)}`
  const { host, pathname, username } = new URL(url)
  const user = username === '' ? '' : `${username}@`
  const server = `${user}${host}`
  return type === 'mysql'
    ? `MySQL or MariaDB at ${server}/${schema}`
    : `PostgreSQL at ${server}${pathname}${schemaText(schema)}`
}

function schemaText(schema: string): string {
  return schema === 'public' ? '' : `, schema ${schema}`
}
