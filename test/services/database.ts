import { randomBytes } from 'node:crypto'
import pg from 'pg'

/** A database of one test. */
export interface TestDatabase {
  readonly name: string
  readonly url: string
  /** Removes it, connections and all; may be called twice. */
  drop(): Promise<void>
}

/**
 * Makes a database with a name of its own on a server. A `template` is copied, which is much
 * faster than migrating again; nobody may be connected to it meanwhile.
 */
export async function createDatabase(
  service: { readonly url: string },
  options: { readonly template?: string } = {},
): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`
  const template = options.template ?? 'template0'
  await execute(service.url, `CREATE DATABASE ${name} TEMPLATE ${pg.escapeIdentifier(template)}`)
  return {
    name,
    url: withDatabase(service.url, name),
    drop: () => execute(service.url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  }
}

/** The url with another database in it; for urls with a host and for those of a socket. */
function withDatabase(url: string, name: string): string {
  // Not by URL: it refuses the empty host of a socket's url.
  return url.replace(/^(\w+:\/\/[^/]*)\/?[^/?]*/, `$1/${encodeURIComponent(name)}`)
}

async function execute(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
