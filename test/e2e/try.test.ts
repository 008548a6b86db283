import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase } from '../services/database.ts'
import { createMariadbDatabase, startMariadb } from '../services/mariadb.ts'
import { startPostgresql } from '../services/postgresql.ts'
import { startOrSkip } from '../services/require.ts'
import { exampleConfiguration, makeFolder, runCommand, type TestFolder } from './program.ts'

const HANDLERS = `
import { defineHandler } from 'crossdock'
import { z } from 'zod'

export const place = defineHandler({
  name: 'orders.place',
  input: z.object({ id: z.number(), total: z.number() }),
  async run({ input, tx, enqueue, progress, log }) {
    await tx.sql\`INSERT INTO orders (id, total) VALUES (\${input.id}, \${input.total})\`
    await enqueue('orders.receipt', { id: input.id })
    await progress(1, 1, 'placed')
    log.info({ order: input.id }, 'an order')
    if (input.total < 0) throw new Error(\`order \${input.id} is negative\`)
    return { ok: true }
  },
})

export const commits = defineHandler({
  name: 'orders.commit',
  async run({ tx }) {
    await tx.sql\`INSERT INTO orders (id, total) VALUES (999, 1)\`
    await tx.query('COMMIT')
  },
})
`

/** On which database, and what ends it. */
interface Start {
  readonly database: Readonly<Record<string, unknown>>
  stop(): Promise<void>
}

const DATABASES: readonly (readonly [string, () => Promise<Start | undefined>])[] = [
  [
    'a PostgreSQL',
    async () => {
      const service = await startOrSkip('postgresql', () => startPostgresql())
      if (service === undefined) return undefined
      return {
        database: { url: (await createDatabase(service)).url },
        stop: () => service.stop(),
      }
    },
  ],
  [
    'a MariaDB',
    async () => {
      const service = await startOrSkip('mariadb', () => startMariadb())
      if (service === undefined) return undefined
      return {
        database: { url: await createMariadbDatabase(service) },
        stop: () => service.stop(),
      }
    },
  ],
]

describe.each(DATABASES)('crossdock try on %s', (_name, start) => {
  let server: Start | undefined
  let home: TestFolder | undefined

  beforeAll(async () => {
    server = await start()
    if (server === undefined) return
    const { database } = server
    const jobs = { handlers: ['./handlers'] }
    const subscriptions = [
      {
        name: 'orders',
        path: '/in/orders',
        handler: 'orders.place',
        map: { payload: '{"id": payload.nr, "total": payload.total}' },
      },
    ]
    const integrations = { http: { subscriptions } }
    home = await makeFolder(() => exampleConfiguration({ database, jobs, integrations }))
    await mkdir(path.join(home.folder, 'handlers'))
    await writeFile(path.join(home.folder, 'handlers/orders.ts'), HANDLERS)
    await writeFile(path.join(home.folder, 'good.json'), '{"id":1,"total":20}')
    await writeFile(path.join(home.folder, 'bad.json'), '{"id":2,"total":-20}')
    const raw = Buffer.from('{"nr":5,"total":2}').toString('base64')
    const dead = [1, 2, 3, 4]
      .map(
        (id) =>
          `('orders.place', 'd${id}', '{"id":${id},"total":${id < 3 ? -id : id}}', 4, 'retries_exhausted')`,
      )
      .join(', ')
    const migrated = await runCommand(['migrate', '--config', home.config])
    expect(migrated.code, migrated.err).toBe(0)
    await sql(`CREATE TABLE orders (id integer PRIMARY KEY, total integer);
      INSERT INTO queue_jobs (handler, id, payload, statusid, deadreason)
        VALUES ${dead};
      INSERT INTO queue_jobs (id, handler, statusid, deadreason, payload, payloadencoding, contenttype,
          direction, protocol, method, metadata)
        VALUES ('raw', 'orders.place', 4, 'mapping_failed', '${raw}', 'base64', 'application/octet-stream',
          'inbound', 'http', 'POST', '{"subscription":"orders"}');
      INSERT INTO queue_jobs (id, handler, statusid, deadreason, direction, protocol, method)
        VALUES ('out', 'outbound.publish', 4, 'retries_exhausted', 'outbound', 'kafka', 'orders')`)
  })

  afterAll(async () => {
    await home?.remove()
    await server?.stop()
  })

  async function sql(text: string): Promise<string> {
    const { code, out, err } = await runCommand(['sql', '--json', '--config', home!.config, text])
    if (code !== 0) throw new Error(err)
    return out
  }

  async function trying(...words: readonly string[]) {
    const ended = await runCommand(['try', '--config', home!.config, ...words])
    return { ...ended, json: ended.out.startsWith('{') ? (JSON.parse(ended.out) as object) : {} }
  }

  it('shows what a message in a file would do, and ends with 0', async ({ skip }) => {
    if (home === undefined) return skip()
    const file = path.join(home.folder, 'good.json')
    const tried = await trying('--handler', 'orders.place', '--payload', file)
    expect(tried.code, tried.err).toBe(0)
    expect(tried.out).toMatch(/^would succeed: orders.place\n {2}result +\{"ok":true\}/)
    expect(tried.out).toMatch(/orders +\| +1 +\| +0 +\| +0/)
    expect(tried.out).toContain('would enqueue orders.receipt {"id":1}')
    expect(tried.out).toContain('1 of 1: placed')
    expect(tried.out).toContain('info: an order')
  })

  it('ends with 1 for what would fail, and says why', async ({ skip }) => {
    if (home === undefined) return skip()
    const file = path.join(home.folder, 'bad.json')
    const tried = await trying('--handler', 'orders.place', '--payload', file, '--json')
    expect(tried.code).toBe(1)
    expect(tried.json).toMatchObject({
      succeeds: false,
      outcome: 'retry',
      error: 'order 2 is negative',
      would_enqueue: [],
      rows_touched: { tables: [{ table: 'orders', inserted: 1 }], complete: true },
      effects_may_have_stayed: false,
    })
  })

  it('tries a stored job, and knows when there is none', async ({ skip }) => {
    if (home === undefined) return skip()
    const tried = await trying('d4', '--json')
    expect(tried.code, tried.err).toBe(0)
    expect(tried.json).toMatchObject({ succeeds: true, job_id: 'd4', job_status: 'failed' })
    const unknown = await trying('nothing')
    expect(unknown.code).toBe(1)
    expect(unknown.err).toContain('[job_not_found]')
  })

  it('says of all dead letters how many would succeed now, and why the others would not', async ({
    skip,
  }) => {
    if (home === undefined) return skip()
    const text = await trying('--dead')
    expect(text.code, text.err).toBe(1)
    // Also the one that was never accepted: by today's map.
    expect(text.out).toContain('3 of 5 would succeed now')
    expect(text.out).toMatch(/2 {2}orders.place: order \d is negative\n +d2, d1/)
    expect(text.out).toContain('1 cannot be tried')
    const json = await trying('--dead', '--json', '--handler', 'orders.place', '--limit', '3')
    expect(json.json).toMatchObject({ tried: 3, succeeding: 3, more: true, failing: [] })
    expect(json.code).toBe(0)
  })

  it('says aloud when a handler has committed by itself', async ({ skip }) => {
    if (home === undefined) return skip()
    const file = path.join(home.folder, 'good.json')
    const tried = await trying('--handler', 'orders.commit', '--payload', file)
    expect(tried.code).toBe(1)
    expect(tried.err).toContain('EFFECTS MAY HAVE STAYED')
    expect(tried.out).toContain('EFFECTS MAY HAVE STAYED')
  })

  it('leaves nothing else: no row of a handler, no history, and the jobs as they were', async ({
    skip,
  }) => {
    if (home === undefined) return skip()
    const left = await sql(`SELECT id FROM orders; SELECT id FROM job_histories;
      SELECT id, handler, statusid, retrycount FROM queue_jobs WHERE id = 'd4' OR statusid <> 4`)
    expect(left.split('\n')).toEqual([
      expect.stringContaining('"rows":[{"id":999}]'),
      expect.stringContaining('"rows":[]'),
      expect.stringContaining(
        '"rows":[{"id":"d4","handler":"orders.place","statusid":4,"retrycount":0}]',
      ),
      '',
    ])
  })
})
