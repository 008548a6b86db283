import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { httpSubscriptionOptions } from '../../../adapters/http/options.ts'
import { CrossdockError } from '../../../src/domain/errors.ts'
import type { Delivery } from '../../../src/ports/adapter.ts'
import { startAdapter } from './started-adapter.ts'
import { post, send } from './started-server.ts'

describe('the answer is the acknowledgement', () => {
  test('202 only after deliver has resolved', async () => {
    const commit = Promise.withResolvers<Delivery>()
    const delivered = Promise.withResolvers<void>()
    const { url } = await startAdapter({
      deliver: () => {
        delivered.resolve()
        return commit.promise
      },
    })
    let answered = false
    const answer = post(url, {}).then((it) => {
      answered = true
      return it
    })
    await delivered.promise
    await send(`${url}/none`)
    expect(answered).toBe(false)
    commit.resolve({ outcome: 'stored', jobId: 'job 1' })
    expect(await answer).toMatchObject({
      status: 202,
      json: { id: 'job 1', job_id: 'job 1', status: 'pending' },
    })
    expect((await answer).headers.get('location')).toBe('/api/jobs/job%201')
  })

  test('a duplicate is the same job with its status of now', async () => {
    const { url } = await startAdapter({
      deliver: () => ({ outcome: 'duplicate', jobId: 'job-0', status: 'completed' }),
    })
    expect(await post(url, {})).toMatchObject({
      status: 202,
      json: { id: 'job-0', job_id: 'job-0', status: 'completed' },
    })
  })

  test('a key that was used for another body is 409 with the job that has it', async () => {
    const { url } = await startAdapter({
      deliver: () => ({
        outcome: 'duplicate',
        jobId: 'job 0',
        status: 'completed',
        sameBody: false,
      }),
      untilEnded: () => Promise.reject(new Error('nobody waits for that')),
    })
    const answer = await post(`${url}?wait=1`, {}, { 'idempotency-key': 'k' })
    expect(answer).toMatchObject({
      status: 409,
      json: { code: 'idempotency_conflict', id: 'job 0', job_id: 'job 0' },
    })
    expect(answer.headers.get('location')).toBe('/api/jobs/job%200')
  })

  test('a dead letter is 422 with its id', async () => {
    const { url } = await startAdapter({ deliver: () => ({ outcome: 'dead', jobId: 'dead-1' }) })
    expect(await post(url, {})).toMatchObject({
      status: 422,
      json: { code: 'dead_letter', id: 'dead-1' },
    })
  })

  test('204 when the filter does not want it', async () => {
    const { url } = await startAdapter({ deliver: () => ({ outcome: 'filtered' }) })
    const answer = await post(url, {})
    expect(answer.status).toBe(204)
  })

  test('an invalid message is 422 with what is wrong', async () => {
    const problems = [{ path: 'total', message: 'must be a number' }]
    const { url, options } = await startAdapter({
      deliver: () => ({ outcome: 'invalid', problems }),
    })
    expect(await post(url, {})).toMatchObject({
      status: 422,
      json: { code: 'input_invalid', problems },
    })
    expect(options).toEqual([{ onInvalid: 'reject' }])
  })

  test.each([
    ['database_unavailable', 503, '2'],
    ['instance_stopping', 503, '1'],
    ['payload_too_large', 413, null],
  ] as const)('nothing is acknowledged on %s', async (code, status, retryAfter) => {
    const { url } = await startAdapter({
      deliver: () => Promise.reject(new CrossdockError(code, 'no', { retryable: true })),
    })
    const answer = await post(url, {})
    expect(answer).toMatchObject({ status, json: { code } })
    expect(answer.headers.get('retry-after')).toBe(retryAfter)
    expect(answer.headers.get('location')).toBeNull()
  })

  test('a stopped adapter takes nothing in, and still answers what it took', async () => {
    const commit = Promise.withResolvers<Delivery>()
    const delivered = Promise.withResolvers<void>()
    const { url, adapter, messages } = await startAdapter({
      deliver: () => {
        delivered.resolve()
        return commit.promise
      },
    })
    const first = post(url, {})
    await delivered.promise
    const stopped = adapter.stop()
    const second = await post(url, {})
    expect(second).toMatchObject({ status: 503, json: { code: 'instance_stopping' } })
    commit.resolve({ outcome: 'stored', jobId: 'a' })
    await stopped
    expect((await first).status).toBe(202)
    expect(messages).toHaveLength(1)
    await adapter.stop()
    expect(adapter.health().status).toBe('down')
  })
})

describe('a message', () => {
  test('keeps headers as sent, without credentials and what is about the connection', async () => {
    const { url, messages } = await startAdapter()
    await post(
      `${url}?a=1&a=2`,
      {},
      {
        'X-Mixed': 'v',
        'x-many': ['1', '2'],
        Authorization: 'Bearer x',
        Cookie: 'c=1',
        'Proxy-Authorization': 'x',
        'X-Api-Key': 'x',
        'x-gitlab-token': 'x',
        'X-Auth-Token': 'x',
        'x-webhook-secret': 'x',
        'x-db-password': 'x',
        'x-passwd': 'x',
        apikey: 'x',
        'X-Amz-Credential': 'x',
        'x-hub-signature-256': 'sha256=1',
        'Webhook-Signature': 'v1,1',
        Connection: 'keep-alive, x-hop',
        'X-Hop': '1',
        'x-utf8': Buffer.from('ü').toString('latin1'),
        'x-bytes': '\xff',
        ['__proto__']: 'p',
      },
    )
    const headers = { ...messages[0]?.headers }
    delete headers['Host']
    expect(headers).toEqual({
      'content-type': 'application/json',
      'X-Mixed': 'v',
      'x-many': ['1', '2'],
      'x-hub-signature-256': 'sha256=1',
      'Webhook-Signature': 'v1,1',
      'x-utf8': 'ü',
      'x-bytes': { base64: '/w==' },
      'Content-Length': '2',
      ...JSON.parse('{"__proto__":"p"}'),
    })
    expect(messages[0]).toMatchObject({
      protocol: 'http',
      subscription: 'orders',
      method: 'POST',
      contentType: 'application/json',
      facts: { path: '/in', query: 'a=1&a=2' },
    })
  })

  test.each([
    [{}, undefined],
    [{ 'idempotency-key': 'k' }, 'anonymous/k'],
    [{ 'webhook-id': 'w' }, 'anonymous/w'],
    [{ 'webhook-id': 'w', 'idempotency-key': 'k' }, 'anonymous/k'],
  ])('is identified by %o', async (headers, identity) => {
    const { url, messages } = await startAdapter()
    await post(url, {}, headers)
    expect(messages[0]?.identity).toBe(identity)
  })

  test('has the hash of its body where it has an identity', async () => {
    const { url, messages } = await startAdapter()
    await post(url, '{"a": 1}', { 'idempotency-key': 'k' })
    await post(url, '{"a": 1}')
    const hash = createHash('sha256').update('{"a": 1}').digest('hex')
    expect(messages.map(({ bodySha256 }) => bodySha256)).toEqual([hash, undefined])
  })

  test('of one key in two shops is two messages, where the path tells the shops apart', async () => {
    const { url, messages } = await startAdapter({ path: '/in/:shop/:year' })
    for (const path of ['paris/2026', 'london/2026', 'paris%2F2026/x', 'paris/2026%2Fx']) {
      await post(`${url}/${path}`, {}, { 'idempotency-key': 'order-17' })
    }
    expect(messages.map(({ identity }) => identity)).toEqual([
      'anonymous/paris/2026/order-17',
      'anonymous/london/2026/order-17',
      'anonymous/paris%2F2026/x/order-17',
      'anonymous/paris/2026%2Fx/order-17',
    ])
    await post(`${url}/paris/2026`, {})
    expect(messages.at(-1)?.identity).toBeUndefined()
  })

  test.each(['', 'k'.repeat(256)])('with a key that cannot be one is 400', async (key) => {
    const { url, messages } = await startAdapter()
    const answer = await post(url, {}, { 'idempotency-key': key })
    expect(answer.json).toMatchObject({ status: 400, code: 'invalid_idempotency_key' })
    expect(messages).toEqual([])
  })

  test('carries trace and correlation, when they are some', async () => {
    const { url, messages } = await startAdapter()
    const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-00`
    await post(url, {}, { traceparent, 'x-request-id': 'r', 'x-correlation-id': 'c' })
    await post(url, {}, { traceparent: 'x', 'x-request-id': 'r' })
    await post(url, {}, { 'x-request-id': 'r'.repeat(256) })
    expect(messages).toMatchObject([
      { traceparent, correlationId: 'c' },
      { traceparent: undefined, correlationId: 'r' },
      { correlationId: undefined },
    ])
  })

  test('takes the correlation id under the name that publications send it by', async () => {
    const { url, messages } = await startAdapter()
    await post(url, {}, { 'x-request-id': 'r', 'correlation-id': 'c' })
    await post(url, {}, { 'correlation-id': 'c', 'x-correlation-id': 'x' })
    expect(messages).toMatchObject([{ correlationId: 'c' }, { correlationId: 'x' }])
  })
})

describe('the body', () => {
  test.each([
    ['json', 'application/json', '{"a":1}', 202],
    ['json', 'application/cloudevents+json; charset=UTF-8', '{}', 202],
    ['json', undefined, '{}', 202],
    ['json', 'text/plain', '{}', 415],
    ['json', 'application/json; charset=utf-16', '{}', 415],
    ['json', 'application/json', '{"a":', 400],
    ['json', 'application/json', '', 400],
    ['json', 'application/json', '\ufeff{}', 400],
    ['json', 'application/json', Buffer.from([0x22, 0xff, 0x22]), 400],
    ['text', 'text/plain', 'ü', 202],
    ['text', 'text/plain', '', 202],
    ['text', 'text/plain', Buffer.from([0xff]), 400],
    ['binary', 'image/png', Buffer.from([0xff, 0]), 202],
    ['binary', undefined, '', 202],
  ] as const)('for %s, as %s: %o is %i', async (contentType, mediaType, body, status) => {
    const { url, messages } = await startAdapter({ contentType })
    const answer = await send(url, {
      method: 'POST',
      headers: mediaType === undefined ? {} : { 'content-type': mediaType },
      body,
    })
    expect(answer.status).toBe(status)
    expect(messages.map((message) => Buffer.from(message.body))).toEqual(
      status === 202 ? [Buffer.from(body as string)] : [],
    )
  })

  test('of a million brackets harms nobody', async () => {
    const { url } = await startAdapter()
    expect((await post(url, '['.repeat(1_000_000))).status).toBe(400)
    expect((await post(url, '['.repeat(1_000_000) + ']'.repeat(1_000_000))).status).toBe(202)
    expect((await post(url, {})).status).toBe(202)
  })

  test('of a GET is JSON null', async () => {
    const { url, messages } = await startAdapter({ method: 'GET' })
    expect((await send(`${url}?x=1`)).status).toBe(202)
    expect(messages[0]?.body.toString()).toBe('null')
    expect(messages[0]).toMatchObject({ method: 'GET', facts: { query: 'x=1' } })
    expect((await post(url, {})).status).toBe(405)
  })
})

describe('options', () => {
  test.each(['/', '/in/orders', '/in/:shop/orders', '/in/a.b-c~d'])('take %s', (path) => {
    expect(httpSubscriptionOptions.parse({ path })).toEqual({ path, method: 'POST' })
  })

  test.each(['', 'in', '/in/', '//in', '/in/*', '/in?x', '/in/:a-:b', '/..', '/in/:', '/in/:a(b)'])(
    'refuse %s',
    (path) => {
      expect(httpSubscriptionOptions.safeParse({ path }).success).toBe(false)
    },
  )
})
