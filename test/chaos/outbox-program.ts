import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { defineHandler, startCrossdock } from '../../src/index.ts'
import { lineAdapter } from '../integration/outbound/line-adapter.ts'

// An instance in a process of its own, to be killed: outbox-program.ts URL PORT. It tells each step of its
// handler by a line, and waits a moment behind it.
const [url = '', port = '0'] = process.argv.slice(2)

async function step(name: string): Promise<void> {
  process.stdout.write(`${name}\n`)
  await delay(3)
}

await startCrossdock({
  config: {
    database: { url },
    http: { port: 0 },
    jobs: {
      handlers: [],
      lease_seconds: 2,
      max_retries: 1_000,
      poll_interval: '500ms',
      retry: { type: 'fixed', initial: '100ms' },
    },
    integrations: {
      kafka: {
        connections: { main: { port: Number(port) } },
        publications: {
          orders: { timeout_ms: 1_000, breaker: { failures: 1_000 }, topic: '{{ payload.n }}' },
        },
      },
    },
    logging: { level: 'warn', format: 'json' },
  },
  adapters: [lineAdapter],
  handlers: [
    defineHandler({
      name: 'place',
      input: z.object({ n: z.number() }),
      run: async ({ input: { n }, tx, publish }) => {
        await step('begun')
        await tx.sql`insert into effects (n) values (${n})`
        await step('inserted')
        await publish('kafka:orders', { key: `key ${n % 5}`, payload: { n } })
        await step('published')
      },
    }),
  ],
})
process.stdout.write('ready\n')
