import { afterEach, describe, expect, it } from 'vitest'
import { isCrossdockError } from '../../../src/domain/errors.ts'
import type { Store } from '../../../src/ports/store.ts'
import { createMysqlStore } from '../../../src/store/mysql/index.ts'
import { createPostgresqlStore } from '../../../src/store/postgresql/index.ts'
import { silenceable, type SilenceableServer } from '../../services/silenceable.ts'
import { useWorkers } from './harness.ts'
import { useMariadbWorkers } from './mariadb-harness.ts'

let cleanUps: (() => Promise<unknown>)[] = []

afterEach(async () => {
  // The silent connections first: a pool that is closed waits for them.
  for (const cleanUp of cleanUps) await cleanUp()
  cleanUps = []
})

const SETTINGS = {
  schema: undefined,
  handlerConnections: 2,
  idleInTransactionMs: 5_000,
  onConnectionError: () => undefined,
}

/** Above the limits of the store, and far below what the operating system gives a connection. */
const NOTICED_MS = 15_000

async function behindProxy(
  url: URL,
  open: (url: string) => Store,
): Promise<{ proxy: SilenceableServer; store: Store }> {
  const proxy = await silenceable(url)
  cleanUps.push(() => proxy.close())
  const store = open(proxy.url)
  cleanUps.push(() => store.close())
  return { proxy, store }
}

/** The error of a call, and how long it took. */
async function failure(call: Promise<unknown>): Promise<{ error: unknown; tookMs: number }> {
  const from = performance.now()
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  return { error, tookMs: performance.now() - from }
}

async function expectNoticed(proxy: SilenceableServer, store: Store): Promise<void> {
  await store.ping()
  proxy.silence()
  const jobs = [{ id: 'silent', handler: 'h' }]
  // More than there are connections: some wait for one.
  const calls = await Promise.all([
    failure(store.insertJobs({ jobs, again: false })),
    ...Array.from({ length: 12 }, () => failure(store.ping())),
  ])
  for (const { error, tookMs } of calls) {
    expect(isCrossdockError(error, 'database_unavailable')).toBe(true)
    expect(tookMs).toBeLessThan(NOTICED_MS)
  }
  proxy.speak()
  // Nobody knows whether the first was stored; said again, it is one job.
  expect(await store.insertJobs({ jobs, again: true })).toEqual([
    { outcome: 'stored', jobId: 'silent' },
  ])
}

describe('a server that falls silent with its connections open is out of reach within seconds', () => {
  describe('PostgreSQL', () => {
    const harness = useWorkers()

    it('behind a network that swallows everything', { timeout: 40_000 }, async ({ skip }) => {
      const url = new URL(harness.url)
      if (url.hostname === '') return skip('the server listens on a socket alone')
      const { proxy, store } = await behindProxy(url, (connectionString) =>
        createPostgresqlStore({ ...SETTINGS, schema: 'public', connection: { connectionString } }),
      )
      await expectNoticed(proxy, store)
    })
  })

  describe('MariaDB', () => {
    const harness = useMariadbWorkers()

    it('behind a network that swallows everything', { timeout: 40_000 }, async () => {
      const { proxy, store } = await behindProxy(new URL(harness.database.url), (uri) =>
        createMysqlStore({ ...SETTINGS, connection: { uri } }),
      )
      await expectNoticed(proxy, store)
    })

    it('and a statement that takes too long is broken off by the server', async () => {
      const { store } = await behindProxy(new URL(harness.database.url), (uri) =>
        createMysqlStore({ ...SETTINGS, connection: { uri } }),
      )
      const id = await harness.insert({ handler: 'h' })
      await harness.query('RENAME TABLE queue_jobs TO put_aside')
      await harness.query('CREATE VIEW queue_jobs AS SELECT * FROM put_aside WHERE SLEEP(60) = 0')
      const { error, tookMs } = await failure(store.findJob(id))
      expect(error).toMatchObject({ code: 'database_locked', details: { errno: 1969 } })
      expect(tookMs).toBeLessThan(NOTICED_MS)
    })
  })
})
