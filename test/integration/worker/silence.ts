import { expect, onTestFinished } from 'vitest'
import { isCrossdockError } from '../../../src/domain/errors.ts'
import type { Store } from '../../../src/ports/store.ts'
import { silenceable, type SilenceableServer } from '../../services/silenceable.ts'

/** Of a store with few connections. */
export const SETTINGS = {
  schema: undefined,
  handlerConnections: 2,
  idleInTransactionMs: 5_000,
  onConnectionError: () => undefined,
}

/** Above the limits of the store, and far below what the operating system gives a connection. */
export const NOTICED_MS = 15_000

/** A store that reaches its server by way of a network that can fall silent; for one test. */
export async function behindProxy(
  url: URL,
  open: (url: string) => Store,
): Promise<{ proxy: SilenceableServer; store: Store }> {
  const proxy = await silenceable(url)
  const store = open(proxy.url)
  onTestFinished(async () => {
    // The silent connections first: a pool that is closed waits for them.
    await proxy.close()
    await store.close()
  })
  return { proxy, store }
}

/** The error of a call, and how long it took. */
export async function failure(call: Promise<unknown>): Promise<{ error: unknown; tookMs: number }> {
  const from = performance.now()
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  return { error, tookMs: performance.now() - from }
}

/** Silences the network under several calls: each has an error in time, and all is well afterwards. */
export async function expectNoticed(proxy: SilenceableServer, store: Store): Promise<void> {
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
