import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { processToken } from '../../src/embedded-postgres/process-identity.ts'
import { createDatabase } from '../services/database.ts'
import { startEmbeddedService } from '../services/embedded.ts'
import { startPostgresql } from '../services/postgresql.ts'
import type { PostgresqlService } from '../services/postgresql-service.ts'
import { ServiceUnavailable, startOrSkip, unavailable } from '../services/require.ts'

const SOURCES = [
  ['postgresql', () => startPostgresql()],
  ['embedded', startEmbeddedService],
] as const

async function query(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const result = await client.query<Record<string, unknown>>(sql)
    return Object.values(result.rows[0] ?? {})[0]
  } finally {
    await client.end()
  }
}

describe.each(SOURCES)('the test service %s', (name, start) => {
  let service: PostgresqlService | undefined

  beforeAll(async () => {
    service = await startOrSkip(name, start)
  })

  afterAll(async () => {
    await service?.stop()
    await service?.stop()
  })

  it('gives databases of their own, copied from a template', async ({ skip }) => {
    if (service === undefined) return skip()
    const template = await createDatabase(service)
    await query(template.url, 'CREATE TABLE kept AS SELECT 42 AS answer')
    const copy = await createDatabase(service, { template: template.name })
    expect(await query(copy.url, 'SELECT answer FROM kept')).toBe(42)
    await copy.drop()
    await copy.drop()
    await template.drop()
    await expect(query(copy.url, 'SELECT 1')).rejects.toThrow('does not exist')
  })

  it('comes back under the same url, with its data, after a restart and after a kill', async ({
    skip,
  }) => {
    if (service?.controllable !== true) return skip()
    const database = await createDatabase(service)
    await query(database.url, 'CREATE TABLE kept AS SELECT 42 AS answer')
    await query(database.url, 'CHECKPOINT')
    await service.restart()
    expect(await query(database.url, 'SELECT answer FROM kept')).toBe(42)
    await service.kill()
    await expect(query(database.url, 'SELECT 1')).rejects.toThrow()
    await service.restart()
    expect(await query(database.url, 'SELECT answer FROM kept')).toBe(42)
    await database.drop()
  })

  it('leaves no server behind when the process of the tests is killed', async ({ skip }) => {
    if (service?.controllable !== true) return skip()
    const program = path.join(import.meta.dirname, '../services/orphan-program.ts')
    const child = spawn(process.execPath, [program, name], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const pid = Number(line.toString())
    expect(await processToken(pid)).toBeDefined()
    child.kill('SIGKILL')
    while ((await processToken(pid)) !== undefined) await delay(20)
  })
})

describe('a service that is not available', () => {
  afterEach(() => {
    vi.unstubAllEnvs()
    vi.restoreAllMocks()
  })

  it('is said aloud and skipped, or an error where it is required', async () => {
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const missing = async (): Promise<string> => {
      throw new ServiceUnavailable('no apt')
    }
    vi.stubEnv('CROSSDOCK_TEST_REQUIRE', 'postgresql')
    expect(await startOrSkip('redis', missing)).toBeUndefined()
    expect(said).toHaveBeenCalledWith(expect.stringContaining('redis is not available: no apt'))
    vi.stubEnv('CROSSDOCK_TEST_REQUIRE', 'postgresql, redis')
    expect(() => {
      unavailable('redis', 'no apt')
    }).toThrow(ServiceUnavailable)
  })
})
