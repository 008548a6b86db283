import { fork } from 'node:child_process'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { v7 } from 'uuid'
import { httpConnectionOptions } from '../adapters/http/connection-options.ts'
import { createPublisher } from '../adapters/http/outbound/publisher.ts'
import { httpPublicationOptions } from '../adapters/http/publication-options.ts'
import { openStore } from '../src/app/open-store.ts'
import { outboundJob } from '../src/domain/outbound.ts'
import { startCrossdock } from '../src/index.ts'
import { silentLog } from '../src/observe/log.ts'
import type { BenchServer } from './bench-database.ts'
import type { Figures } from './figures.ts'

/** Requests under way at once, of both. */
const CONCURRENCY = 20
const TIMEOUT_MS = 30_000
const BATCH = 1_000

/** Messages a second to a local HTTP target: by the adapter's client alone, and from rows to their completion. */
export async function measurePublishing(
  server: BenchServer,
  figures: Figures,
  count: number,
): Promise<void> {
  const target = await startTarget()
  try {
    await figures.perSecond('publish, bare client', count, () => sendBare(target.url, count))
    figures.note('publish, crossdock', await publishRows(server, target, count))
  } finally {
    target.stop()
  }
}

interface BenchTarget {
  readonly url: string
  /** When the first of so many messages has come, in milliseconds since 1970, once all have. */
  took(count: number): Promise<number>
  stop(): void
}

async function startTarget(): Promise<BenchTarget> {
  const child = fork(path.join(import.meta.dirname, 'http-target.ts'))
  const tell = async <T>(name: string): Promise<T> =>
    await new Promise((resolve) => {
      const listen = (told: Readonly<Record<string, T>>): void => {
        const value = told[name]
        if (value === undefined) return
        child.off('message', listen)
        resolve(value)
      }
      child.on('message', listen)
    })
  const port = await tell<number>('port')
  return {
    url: `http://127.0.0.1:${port}`,
    took: async (count) => {
      const first = tell<number>('first')
      const all = tell('all')
      child.send(count)
      await all
      return await first
    },
    stop: () => {
      child.kill()
    },
  }
}

/** The same client with the same concurrency, and nothing else. */
async function sendBare(url: string, count: number): Promise<void> {
  const publisher = createPublisher(
    httpConnectionOptions.parse({ base_url: url, max_connections: CONCURRENCY }),
    [
      {
        name: 'bench',
        options: httpPublicationOptions.parse({ path: '/in' }),
        timeoutMs: TIMEOUT_MS,
      },
    ],
  )
  const target = { path: httpPublicationOptions.parse({ path: '/in' }).path }
  const signal = new AbortController().signal
  let next = 0
  const sendOn = async (): Promise<void> => {
    while (next < count) {
      next += 1
      const message = {
        id: v7(),
        payload: Buffer.from('{"n":1}'),
        contentType: 'application/json',
        key: undefined,
        headers: {},
        target,
        attempt: 1,
      }
      const [publishing] = await publisher.publish('bench', [message], signal)
      if (publishing?.outcome !== 'published') throw new Error(JSON.stringify(publishing))
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, sendOn))
  await publisher.stop()
}

/** From the first message that arrives to the last completion that is committed: the start of an instance is not measured. */
async function publishRows(
  server: BenchServer,
  target: BenchTarget,
  count: number,
): Promise<number> {
  const url = await server.fresh()
  const store = await openStore(server.address(url), 2, silentLog)
  for (let from = 0; from < count; from += BATCH) {
    const jobs = Array.from({ length: Math.min(BATCH, count - from) }, () =>
      outboundJob({ id: v7(), protocol: 'http', publication: 'bench', payload: '{"n":1}' }),
    )
    await store.insertJobs({ again: false, jobs })
  }
  const took = target.took(count)
  const instance = await startCrossdock({
    only: ['worker'],
    log: silentLog,
    config: {
      database: { url, migrate: false },
      http: { port: 0 },
      jobs: { handlers: [] },
      integrations: {
        http: {
          connections: { target: { base_url: target.url, max_connections: CONCURRENCY } },
          publications: { bench: { path: '/in', timeout_ms: TIMEOUT_MS } },
        },
      },
    },
  })
  try {
    const first = await took
    while ((await store.queueDepths()).length > 0) await delay(5)
    return (count / (Date.now() - first)) * 1_000
  } finally {
    await instance.shutdown()
    await store.close()
  }
}
