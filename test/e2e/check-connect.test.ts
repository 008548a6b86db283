import { createServer } from 'node:net'
import mysql from 'mysql2/promise'
import pg from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { createDatabase } from '../services/database.ts'
import { freePort } from '../services/free-port.ts'
import { createMariadbDatabase } from '../services/mariadb.ts'
import { startRedis } from '../services/redis.ts'
import { startOrSkip } from '../services/require.ts'
import { sharedMariadb, sharedPostgresql } from '../services/shared-servers.ts'
import { exampleConfiguration, makeFolder, runCommand, type Ended } from './program.ts'

let cleanUps: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  cleanUps = []
})

async function command(
  words: readonly string[],
  configuration: Readonly<Record<string, unknown>>,
): Promise<Ended> {
  const home = await makeFolder(() => exampleConfiguration(configuration))
  cleanUps.push(() => home.remove())
  return await runCommand([...words, '--config', home.config])
}

/** A migrated database, and a way to another login for it, which may read and write but not delete jobs. */
const DATABASES = {
  PostgreSQL: async () => {
    const service = await startOrSkip('postgresql', sharedPostgresql)
    if (service === undefined) return undefined
    const { url, name, drop } = await createDatabase(service)
    cleanUps.push(drop)
    const weaken = async (): Promise<string> => {
      const login = `weak_${name}`
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      await client.query(`CREATE ROLE ${login} LOGIN PASSWORD 'weak';
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${login};
        REVOKE DELETE ON queue_jobs FROM ${login}`)
      await client.end()
      cleanUps.unshift(async () => {
        const admin = new pg.Client({ connectionString: service.url })
        await admin.connect()
        // After the database, which holds its rights: clean-ups run from the last to the first.
        await admin.query(`DROP ROLE ${login}`)
        await admin.end()
      })
      return url.replace(/\/\/[^@]*@/, `//${login}:weak@`)
    }
    return { url, weaken }
  },
  MariaDB: async () => {
    const service = await startOrSkip('mariadb', sharedMariadb)
    if (service === undefined) return undefined
    const url = await createMariadbDatabase(service)
    const name = new URL(url).pathname.slice(1)
    const weaken = async (): Promise<string> => {
      const login = `weak_${name.slice(-12)}`
      const connection = await mysql.createConnection(url)
      await connection.query(`CREATE USER ${login}@'%' IDENTIFIED BY 'weak'`)
      const [tables] = await connection.query<(mysql.RowDataPacket & { name: string })[]>(
        'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()',
      )
      for (const table of tables) {
        const rights = table.name === 'queue_jobs' ? 'SELECT, INSERT, UPDATE' : 'ALL'
        await connection.query(`GRANT ${rights} ON ${name}.${table.name} TO ${login}@'%'`)
      }
      cleanUps.push(async () => {
        await connection.query(`DROP DATABASE ${name}`)
        await connection.query(`DROP USER ${login}`)
        await connection.end()
      })
      return url.replace(/\/\/[^@]*@/, `//${login}:weak@`)
    }
    return { url, weaken }
  },
}

describe('check --connect', () => {
  it.for(Object.entries(DATABASES))(
    'says what the database is, lacks and refuses, on %s',
    async ([name, open], { skip }) => {
      const database = await open()
      if (database === undefined) return skip(`${name} is not available`)
      const { url, weaken } = database
      const empty = await command(['check', '--connect'], { database: { url } })
      expect(empty, empty.err).toMatchObject({ code: 0, err: '' })
      expect(empty.out).toMatch(/^ok {7}database: .* \((PostgreSQL|MariaDB) \d+\..*\)$/m)
      expect(empty.out).toMatch(/^note {5}database: pending migrations: 0001_tables/m)

      expect(await command(['migrate'], { database: { url } })).toMatchObject({ code: 0 })
      const whole = await command(['check', '--connect'], { database: { url } })
      expect(whole, whole.err).toMatchObject({ code: 0, err: '' })
      expect(whole.out).not.toContain('pending')

      const weak = await command(['check', '--connect'], { database: { url: await weaken() } })
      expect(weak.code).toBe(1)
      expect(weak.err).toMatch(
        /^failed {3}database: .*lacks rights: DELETE on queue_jobs \([^)]*denied/m,
      )
      expect(weak.err).not.toMatch(/INSERT on|UPDATE on|SELECT on|on jobs/)
      expect(weak.err).toContain('Check database.url')
      expect(weak.out + weak.err).not.toContain(':weak@')
    },
  )

  it('names each connection that fails and why, and goes on with the others', async ({ skip }) => {
    const service = await startOrSkip('redis', startRedis)
    if (service === undefined) return skip()
    cleanUps.push(() => service.stop())
    const nobody = await freePort()
    const wrong = new URL(service.url)
    wrong.hostname = 'localhost'
    wrong.password = 'wrong-secret'
    const checked = await command(['check', '--connect'], {
      database: { url: `postgresql://somebody:db-secret@127.0.0.1:${nobody}/none` },
      cache: {
        adapter: 'redis',
        redis: { nodes: [service.url, wrong.href, `redis://127.0.0.1:${nobody}/0`] },
      },
    })
    expect(checked.code).toBe(1)
    expect(checked.out).toMatch(/^ok {7}redis 127\.0\.0\.1:\d+ \(Redis \d+\.\S+\)$/m)
    expect(checked.err).toMatch(/^failed {3}redis localhost:\d+: WRONGPASS/m)
    expect(checked.err).toMatch(
      new RegExp(`^failed {3}redis 127.0.0.1:${nobody}: .*ECONNREFUSED`, 'm'),
    )
    expect(checked.err).toMatch(/^failed {3}database: .*ECONNREFUSED/m)
    expect(checked.out + checked.err).not.toMatch(/wrong-secret|db-secret/)
  })

  it('tries the connections of integrations, the broker that comes along among them', async ({
    skip,
  }) => {
    const service = await startOrSkip('postgresql', sharedPostgresql)
    if (service === undefined) return skip()
    const { url, drop } = await createDatabase(service)
    cleanUps.push(drop)
    const [embedded, nobody, far] = [await freePort(), await freePort(), await freePort()]
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(far, '127.0.0.1', resolve))
    cleanUps.push(async () => server.close())
    const checked = await command(['check', '--connect'], {
      database: { url },
      integrations: {
        mqtt: {
          embedded_broker: { enabled: true, port: embedded },
          connections: {
            own: { url: `mqtt://127.0.0.1:${embedded}`, version: '3.1.1' },
            away: { url: `mqtt://127.0.0.1:${nobody}`, username: 'ada', password: 'pass-3f9a1c7e' },
          },
        },
        http: {
          connections: {
            far: { base_url: `http://127.0.0.1:${far}/v1` },
            gone: { base_url: `http://127.0.0.1:${nobody}/v1` },
          },
        },
      },
    })
    expect(checked.code).toBe(1)
    expect(checked.out).toContain(`ok       mqtt:own (MQTT 3.1.1 at mqtt://127.0.0.1:${embedded})`)
    expect(checked.out).toContain('ok       http:far (reached, without TLS)')
    expect(checked.err).toMatch(/^failed {3}mqtt:away: mqtt:\S+: nobody listens there/m)
    expect(checked.err).toMatch(/^failed {3}http:gone: 127\S+: nobody listens there/m)
    expect(checked.err).not.toContain('mqtt:own')
    expect(checked.out + checked.err).not.toContain('pass-3f9a1c7e')
  })
})
