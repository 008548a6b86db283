import { expect, test } from 'vitest'
import type { Flow } from '../../../src/ports/flow.ts'
import { startAdapter, startVerified } from './started-adapter.ts'
import { send } from './started-server.ts'

type Closed = ReturnType<Flow['closed']>

function flowOf(closed: () => Closed): Flow {
  return { closed, onChange: () => () => undefined }
}

const post = (url: string) =>
  send(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  })

test.each([
  ['paused', 'subscription_paused', 30_000, '30'],
  ['backpressure', 'subscription_full', 900, '1'],
] as const)('a subscription that is closed (%s) answers 503 and stores nothing', async (...row) => {
  const [reason, code, retryAfterMs, seconds] = row
  let closed: Closed = { reason, retryAfterMs }
  const { url, messages } = await startAdapter({ flow: flowOf(() => closed) })
  const refused = await post(url)
  expect(refused).toMatchObject({ status: 503, json: { code } })
  expect(refused.headers.get('retry-after')).toBe(seconds)
  expect(messages).toHaveLength(0)
  closed = undefined
  expect((await post(url)).status).toBe(202)
})

test('while the database is away requests are taken: the ingest waits for it a moment', async () => {
  const flow = flowOf(() => ({ reason: 'database', retryAfterMs: 500 }))
  const { url, messages } = await startAdapter({ flow })
  expect((await post(url)).status).toBe(202)
  expect(messages).toHaveLength(1)
})

test('whoever cannot prove who he is does not learn that a subscription is closed', async () => {
  const flow = flowOf(() => ({ reason: 'paused', retryAfterMs: 30_000 }))
  const { url } = await startVerified({ type: 'api_key', secrets: ['x'.repeat(32)] }, { flow })
  expect((await post(url)).status).toBe(401)
})
