import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CrossdockError, cancel, defineHandler, snooze } from '../../../src/index.ts'
import { openTestDatabase, testHandler, type TestDatabase } from '../../../src/testing.ts'
import { createDatabase } from '../../services/database.ts'
import { createMariadbDatabase, startMariadb } from '../../services/mariadb.ts'
import { startPostgresql } from '../../services/postgresql.ts'
import { startOrSkip } from '../../services/require.ts'

interface Server {
  readonly url: string
  stop(): Promise<void>
}

const SERVERS: readonly (readonly [string, () => Promise<Server | undefined>])[] = [
  [
    'postgresql',
    async () => {
      const service = await startOrSkip('postgresql', () => startPostgresql())
      if (service === undefined) return undefined
      return { url: (await createDatabase(service)).url, stop: () => service.stop() }
    },
  ],
  [
    'mariadb',
    async () => {
      const service = await startOrSkip('mariadb', () => startMariadb())
      if (service === undefined) return undefined
      return { url: await createMariadbDatabase(service), stop: () => service.stop() }
    },
  ],
]

describe.each(SERVERS)('testHandler on %s', (_name, start) => {
  let server: Server | undefined
  let opened: TestDatabase | undefined

  beforeAll(async () => {
    server = await start()
    if (server === undefined) return
    opened = await openTestDatabase({ url: server.url, migrate: true })
    await opened.sql('CREATE TABLE effects (id integer PRIMARY KEY, note varchar(50))')
  })

  afterAll(async () => {
    await opened?.close()
    await server?.stop()
  })

  const write = defineHandler({
    name: 'write',
    run: async ({ input, tx, enqueue }) => {
      await tx.sql`INSERT INTO effects (id, note) VALUES (1, ${String(input)})`
      await enqueue('other', { note: input }, { queue: 'slow', delayMs: 5_000 })
      return { wrote: input, at: new Date(0) }
    },
  })

  it('shows what was done, and leaves nothing', async ({ skip }) => {
    if (opened === undefined) return skip()
    for (let round = 0; round < 2; round += 1) {
      const test = await testHandler(write, { input: 'x', database: opened })
      expect(test).toMatchObject({
        outcome: 'completed',
        result: { wrote: 'x', at: '1970-01-01T00:00:00.000Z' },
        error: undefined,
        published: [],
        enqueued: [{ handler: 'other', payload: { note: 'x' }, queue: 'slow', delayMs: 5_000 }],
        touched: [{ table: 'effects', inserted: 1, updated: 0, deleted: 0 }],
        mayHaveStayed: false,
      })
    }
    expect(await opened.sql('SELECT * FROM effects')).toEqual([])
    expect(await opened.sql('SELECT id FROM queue_jobs')).toEqual([])
  })

  it('takes the address of a server as well', async ({ skip }) => {
    if (server === undefined) return skip()
    const test = await testHandler(write, { input: 'x', database: server.url })
    expect(test).toMatchObject({ outcome: 'completed', touched: [{ table: 'effects' }] })
  })

  it('fails where the commit would: what is enqueued cannot be stored', async ({ skip }) => {
    if (opened === undefined) return skip()
    const handler = defineHandler({
      name: 'bad',
      run: async ({ enqueue }) => {
        await enqueue('x'.repeat(300))
      },
    })
    const test = await testHandler(handler, { database: opened })
    expect(test).toMatchObject({
      outcome: 'retry',
      error: { code: 'database_data' },
      enqueued: [],
      mayHaveStayed: false,
    })
  })

  it('says when a handler has committed by itself', async ({ skip }) => {
    if (opened === undefined) return skip()
    const handler = defineHandler({
      name: 'commits',
      run: async ({ tx }) => {
        await tx.sql`INSERT INTO effects (id, note) VALUES (7, 'stays')`
        await tx.query('COMMIT')
      },
    })
    const test = await testHandler(handler, { database: opened })
    expect(test).toMatchObject({
      outcome: 'retry',
      error: { code: 'transaction_lost' },
      touched: undefined,
      mayHaveStayed: true,
    })
    expect(await opened.sql('SELECT id FROM effects')).toEqual([{ id: 7 }])
    await opened.sql('DELETE FROM effects')
  })

  it('undoes also what a handler leaves that does not listen', async ({ skip }) => {
    if (opened === undefined) return skip()
    const never = Promise.withResolvers<undefined>()
    const handler = defineHandler({
      name: 'deaf',
      run: async ({ tx }) => {
        await tx.sql`INSERT INTO effects (id, note) VALUES (1, 'hangs')`
        await never.promise
      },
    })
    const test = await testHandler(handler, { database: opened, timeoutMs: 1_000, graceMs: 10 })
    expect(test).toMatchObject({ outcome: 'retry', error: { code: 'handler_timeout' } })
    expect(test.touched).toEqual([{ table: 'effects', inserted: 1, updated: 0, deleted: 0 }])
    expect(await opened.sql('SELECT id FROM effects')).toEqual([])
  })
})

describe('testHandler without a database', () => {
  it('says that a handler which uses tx needs one', async () => {
    const handler = defineHandler({
      name: 'needs',
      // Also where the handler catches what it is told.
      run: async ({ tx }) => {
        await tx.sql`SELECT 1`.catch(() => undefined)
      },
    })
    await expect(testHandler(handler)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining("'needs' uses tx: give testHandler a `database`") as string,
    })
  })

  it('gives the handler what a job would', async () => {
    const handler = defineHandler({
      name: 'shows',
      run: ({ input, job, log }) => {
        log.child({ part: 1 }).info({ more: 2 }, 'seen')
        return {
          bytes: Buffer.isBuffer(input),
          attempt: job.attempt,
          key: job.metadata['key'],
          headers: job.headers,
          tenant: job.tenantId,
        }
      },
    })
    const test = await testHandler(handler, {
      payload: new Uint8Array([0, 1]),
      contentType: 'application/octet-stream',
      attempt: 3,
      key: 'k',
      headers: { a: 'b' },
      tenantId: 'acme',
    })
    expect(test.result).toEqual({
      bytes: true,
      attempt: 3,
      key: 'k',
      headers: { a: 'b' },
      tenant: 'acme',
    })
    expect(test.logs).toMatchObject([
      { level: 'info', message: 'seen', fields: { part: 1, more: 2 } },
    ])
  })

  it.each([
    ['snoozed', () => snooze(1_000), { delayMs: 1_000 }],
    ['cancelled', () => cancel('no more'), { error: 'no more' }],
  ] as const)('shows that a job is %s', async (outcome, run, more) => {
    const handler = defineHandler({ name: 'ends', run })
    expect(await testHandler(handler)).toMatchObject({ outcome, ...more })
  })

  it('knows the last attempt', async () => {
    const handler = defineHandler({
      name: 'throws',
      maxRetries: 1,
      retryDelay: 70,
      run: () => {
        throw new Error('no luck')
      },
    })
    expect(await testHandler(handler)).toMatchObject({
      outcome: 'retry',
      delayMs: 70,
      error: { message: 'no luck' },
    })
    expect(await testHandler(handler, { attempt: 2 })).toMatchObject({ outcome: 'failed' })
  })

  it('tells the handler to stop when the test says so', async () => {
    const handler = defineHandler({
      name: 'waits',
      run: async ({ signal }) => {
        await sleep(60_000, undefined, { signal })
      },
    })
    const stopped = new AbortController()
    const stopping = testHandler(handler, { signal: stopped.signal })
    stopped.abort()
    expect(await stopping).toMatchObject({
      outcome: 'returned',
      error: { code: 'instance_stopping' },
    })
    const lost = AbortSignal.abort(new CrossdockError('lease_lost', 'lost'))
    expect(await testHandler(handler, { signal: lost })).toMatchObject({
      outcome: 'returned',
      error: { code: 'lease_lost' },
    })
  })

  it('checks what is enqueued against the handlers that it is given', async () => {
    const { z } = await import('zod')
    const other = defineHandler({ name: 'other', input: z.object({ a: z.number() }), run: () => 1 })
    const handler = defineHandler({
      name: 'first',
      run: async ({ enqueue }) => {
        await enqueue('other', { a: 'x' })
      },
    })
    expect(await testHandler(handler)).toMatchObject({ outcome: 'completed' })
    expect(await testHandler(handler, { handlers: [other] })).toMatchObject({
      outcome: 'failed',
      error: { code: 'input_invalid' },
    })
  })
})
