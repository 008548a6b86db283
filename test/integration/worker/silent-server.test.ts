import { createServer, connect, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { isCrossdockError } from '../../../src/domain/errors.ts'
import { createPostgresqlStore } from '../../../src/store/postgresql/index.ts'
import { useWorkers } from './harness.ts'

const harness = useWorkers()
let cleanUps: (() => Promise<unknown>)[] = []

afterEach(async () => {
  // The silent connections first: a pool that is closed waits for them.
  for (const cleanUp of cleanUps) await cleanUp()
  cleanUps = []
})

/** Passes bytes on to a server until it is told to fall silent, its connections open. */
async function silenceable(url: URL): Promise<{ url: string; silence(): void; speak(): void }> {
  const sockets = new Set<Socket>()
  const proxy = createServer((inner) => {
    const outer = connect(Number(url.port), url.hostname)
    for (const socket of [inner, outer]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
    }
    inner.on('close', () => outer.destroy())
    inner.pipe(outer)
    outer.pipe(inner)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  cleanUps.push(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => proxy.close(resolve))
  })
  const passing = new URL(url)
  passing.hostname = '127.0.0.1'
  passing.port = String((proxy.address() as { readonly port: number }).port)
  return {
    url: passing.href,
    silence: () => {
      for (const socket of sockets) socket.pause()
    },
    speak: () => {
      for (const socket of sockets) socket.resume()
    },
  }
}

it('a server that falls silent with its connections open is out of reach within seconds', async ({
  skip,
}) => {
  const url = new URL(harness.url)
  if (url.hostname === '') return skip('the server listens on a socket alone')
  const proxy = await silenceable(url)
  const store = createPostgresqlStore({
    connection: { connectionString: proxy.url },
    schema: 'public',
    handlerConnections: 2,
    idleInTransactionMs: 5_000,
    onConnectionError: () => undefined,
  })
  cleanUps.push(() => store.close())
  await store.ping()
  proxy.silence()
  const from = performance.now()
  const error: unknown = await store
    .insertJobs({ jobs: [{ id: 'silent', handler: 'h' }], again: false })
    .catch((thrown: unknown) => thrown)
  expect(isCrossdockError(error, 'database_unavailable')).toBe(true)
  expect(performance.now() - from).toBeLessThan(15_000)
  proxy.speak()
  // Nobody knows whether the first was stored; said again, it is one job.
  const outcomes = await store.insertJobs({ jobs: [{ id: 'silent', handler: 'h' }], again: true })
  expect(outcomes).toEqual([{ outcome: 'stored', jobId: 'silent' }])
}, 20_000)
