import { expect, test } from 'vitest'
import { createHealthResource } from '../../../src/http/health.ts'
import type { HealthStatus } from '../../../src/ports/health.ts'
import { send, startServer } from './started-server.ts'

async function started(status: HealthStatus) {
  return startServer({
    resources: [
      createHealthResource({
        health: async () => ({
          status,
          components: {
            database: { status, facts: { latencyMs: 3 } },
            'mqtt:My-Broker': { status: 'ok', detail: 'fine' },
          },
        }),
        status: () => ({ instance: { startedAt: new Date(0) }, queues: [{ queue: 'aB' }] }),
      }),
    ],
  })
}

test.each([
  ['ok', 200, 200],
  ['degraded', 200, 200],
  ['down', 503, 503],
] as const)('an instance that is %s', async (status, health, ready) => {
  const { url } = await started(status)
  const answer = await send(`${url}/health`)
  expect(answer.status).toBe(health)
  expect(answer.json).toEqual({
    status,
    stopping: false,
    components: {
      database: { latency_ms: 3, status },
      'mqtt:My-Broker': { status: 'ok', detail: 'fine' },
    },
  })
  expect((await send(`${url}/readyz`)).status).toBe(ready)
  expect((await send(`${url}/livez`)).status).toBe(200)
})

test('an instance that stops is alive and not ready', async () => {
  const server = await started('ok')
  server.drain()
  const ready = await send(`${server.url}/readyz`)
  expect(ready.status).toBe(503)
  expect(ready.json).toEqual({ status: 'not_ready', reason: 'stopping' })
  expect((await send(`${server.url}/livez`)).status).toBe(200)
  expect((await send(`${server.url}/health`)).json['stopping']).toBe(true)
})

test('/status is in snake_case', async () => {
  const { url } = await started('ok')
  expect((await send(`${url}/status`)).json).toEqual({
    instance: { started_at: '1970-01-01T00:00:00.000Z' },
    queues: [{ queue: 'aB' }],
  })
})
