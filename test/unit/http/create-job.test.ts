import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { CrossdockError } from '../../../src/domain/errors.ts'
import { memoryJobs, someJob } from './memory-jobs.ts'
import { post, send, startServer } from './started-server.ts'

async function started(memory = memoryJobs(), bodyLimitBytes = 10_000) {
  const server = await startServer({ resources: [memory.resource], bodyLimitBytes })
  return { memory, server, url: `${server.url}/api/jobs` }
}

describe('POST /api/jobs', () => {
  test('stores the job and answers where it is', async () => {
    const { memory, url } = await started()
    const answer = await post(url, { handler: 'orders.place', payload: { a: 1 } })
    expect(answer.status).toBe(202)
    expect(answer.headers.get('location')).toBe('/api/jobs/job-1')
    expect(answer.json).toEqual({ id: 'job-1', job_id: 'job-1', status: 'pending' })
    expect(memory.enqueued[0]).toMatchObject({
      id: 'job-1',
      handler: 'orders.place',
      payload: '{"a":1}',
      contentType: 'application/json',
      type: 'manual',
      direction: 'internal',
    })
  })

  test('answers only after the commit', async () => {
    const { memory, url } = await started()
    const commit = Promise.withResolvers<void>()
    memory.commit = commit.promise
    let answered = false
    const answer = post(url, { handler: 'a' }).then((it) => {
      answered = true
      return it
    })
    // A whole other exchange, long enough for an early answer to arrive.
    await send(`${url}/none`)
    expect(answered).toBe(false)
    commit.resolve()
    expect((await answer).status).toBe(202)
  })

  test('with an ordering key it is queued for its turn', async () => {
    const { memory, url } = await started()
    const answer = await post(url, { handler: 'h', ordering_key: 'k' })
    expect(answer.json['status']).toBe('queued')
    expect(memory.enqueued[0]).toMatchObject({ orderingKey: 'k' })
  })

  test('maps every field to its column', async () => {
    const { memory, url } = await started()
    const body = {
      handler: 'h',
      queue: 'q',
      priority: -3,
      max_retries: 2,
      timeout: 60,
      name: 'n',
      description: '',
      type: 'system',
      scheduled_at: '2026-07-01T02:00:00+02:00',
      unique_key: 'u',
      ordering_key: 'o',
      tenant_id: 't',
      created_by: 'c',
      correlation_id: 'x',
      parent_job_id: 'p',
      metadata: { deep: { a: [1] } },
      headers: { A: ['1', '2'], B: { base64: 'AA==' } },
    }
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
    const answer = await post(url, body, { traceparent })
    expect(answer.json['status']).toBe('scheduled')
    expect(memory.enqueued[0]).toEqual({
      id: 'job-1',
      handler: 'h',
      queue: 'q',
      priority: -3,
      maxRetries: 2,
      timeoutSeconds: 60,
      name: 'n',
      description: '',
      type: 'system',
      direction: 'internal',
      payload: undefined,
      contentType: undefined,
      scheduledAt: new Date('2026-07-01T00:00:00Z'),
      uniqueKey: 'u',
      orderingKey: 'o',
      dedupeKey: undefined,
      tenantId: 't',
      createdBy: 'c',
      correlationId: 'x',
      parentJobId: 'p',
      metadata: body.metadata,
      headers: body.headers,
      traceparent,
    })
  })

  test('delays by delay_seconds', async () => {
    const { memory, url } = await started()
    const answer = await post(url, { handler: 'h', delay_seconds: 1.5 })
    expect(answer.json['status']).toBe('scheduled')
    expect(memory.enqueued[0]?.delayMs).toBe(1_500)
  })

  test('keeps the payload as it was written', async () => {
    const { memory, url } = await started(memoryJobs(), 5_000_000)
    const payload = '{"n": 12345678901234567890, "10": 1e400, "2": "}\\"{", "__proto__": [1] }'
    await post(url, '{"handler": "h", "payload": {"payload": 0}, "p\\u0061yload" : [2]}')
    expect(memory.enqueued[0]?.payload).toBe('[2]')
    await post(url, `{"payload" : ${payload} , "handler": "h"}`)
    expect(memory.enqueued[1]?.payload).toBe(payload)
    const deep = '['.repeat(1_000_000) + ']'.repeat(1_000_000)
    expect((await post(url, `{"handler":"h","payload":${deep}}`)).status).toBe(202)
    expect(memory.enqueued[2]?.payload).toBe(deep)
  })

  test('takes queue and priority of the handler where the body says none', async () => {
    const handler = { name: 'h', queue: 'slow', priority: 7, run: () => null }
    const { memory, url } = await started(memoryJobs([handler]))
    await post(url, { handler: 'h' })
    await post(url, { handler: 'h', queue: 'q', priority: 0 })
    expect(memory.enqueued).toMatchObject([
      { queue: 'slow', priority: 7 },
      { queue: 'q', priority: 0 },
    ])
  })

  test('refuses what the handler would refuse, and stores nothing', async () => {
    const handler = { name: 'h', input: z.object({ total: z.number() }), run: () => null }
    const { memory, url } = await started(memoryJobs([handler]))
    const answer = await post(url, { handler: 'h', payload: { total: 'x' } })
    expect(answer.status).toBe(422)
    expect(answer.json).toMatchObject({
      code: 'input_invalid',
      problems: [{ path: 'payload.total' }],
    })
    expect(memory.enqueued).toEqual([])
  })

  test.each([
    ['no handler', {}, 'handler'],
    ['an unknown key', { handler: 'h', max_retry: 1 }, 'max_retry'],
    ['a long handler', { handler: 'h'.repeat(256) }, 'handler'],
    ['a long queue', { handler: 'h', queue: 'q'.repeat(101) }, 'queue'],
    ['a long parent', { handler: 'h', parent_job_id: 'p'.repeat(65) }, 'parent_job_id'],
    ['a priority beyond int32', { handler: 'h', priority: 2 ** 31 }, 'priority'],
    ['a priority that cannot be lowered', { handler: 'h', priority: -(2 ** 31) }, 'priority'],
    ['a fraction', { handler: 'h', max_retries: 1.5 }, 'max_retries'],
    ['no time', { handler: 'h', scheduled_at: 'tomorrow' }, 'scheduled_at'],
    [
      'a time without a zone',
      { handler: 'h', scheduled_at: '2026-01-01T00:00:00' },
      'scheduled_at',
    ],
    ['NUL in a name', { handler: 'h', name: 'a\0b' }, 'name'],
    ['NUL in metadata', { handler: 'h', metadata: { a: ['\0'] } }, 'metadata'],
    ['half a surrogate pair', { handler: 'h', metadata: { '\ud800': 1 } }, 'metadata'],
    ['metadata that is no object', { handler: 'h', metadata: [] }, 'metadata'],
    ['headers of numbers', { handler: 'h', headers: { a: 1 } }, 'headers'],
    [
      'two times',
      { handler: 'h', delay_seconds: 1, scheduled_at: '2026-01-01T00:00:00Z' },
      'delay_seconds',
    ],
    ['no object', [], ''],
  ])('answers 422 to %s', async (_name, body, path) => {
    const { memory, url } = await started()
    const answer = await post(url, body)
    expect(answer.status).toBe(422)
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    expect(answer.json).toMatchObject({ status: 422, code: 'input_invalid', problems: [{ path }] })
    expect(memory.enqueued).toEqual([])
  })

  test('takes 255 characters, whatever their bytes, and backslashes before u0000', async () => {
    const { memory, url } = await started()
    const body = { handler: '😀'.repeat(255), metadata: { a: '\\u0000' } }
    expect((await post(url, body)).status).toBe(202)
    expect(memory.enqueued[0]?.metadata).toEqual({ a: '\\u0000' })
  })

  test('suggests the key that was meant', async () => {
    const { url } = await started()
    const answer = await post(url, { handler: 'h', max_retrys: 1 })
    expect(answer.text).toContain('did you mean max_retries?')
  })

  test('makes one job of one idempotency key, and tells its status of now', async () => {
    const { memory, url } = await started()
    const headers = { 'idempotency-key': 'k' }
    await post(url, { handler: 'h' }, headers)
    memory.jobs.set('job-1', someJob({ id: 'job-1', status: 'completed' }))
    const again = await post(url, { handler: 'h' }, headers)
    expect(again.status).toBe(202)
    expect(again.json).toEqual({ id: 'job-1', job_id: 'job-1', status: 'completed' })
    expect(memory.enqueued).toMatchObject([{ dedupeKey: 'api:jobs:k' }])
  })

  test('stores an inbox key over 200 bytes as its hash', async () => {
    const { memory, url } = await started()
    const key = 'k'.repeat(192)
    await post(url, { handler: 'h' }, { 'idempotency-key': key })
    const hash = createHash('sha256').update(`api:jobs:${key}`).digest('hex')
    expect(memory.enqueued[0]?.dedupeKey).toBe(`sha256:${hash}`)
    const tooLong = await post(url, { handler: 'h' }, { 'idempotency-key': 'k'.repeat(256) })
    expect(tooLong.json['code']).toBe('invalid_idempotency_key')
  })

  test.each([
    ['database_unavailable', true, 503, 'database_unavailable', '2'],
    ['database_retryable', true, 503, 'database_retryable', '2'],
    ['instance_stopping', true, 503, 'instance_stopping', '1'],
    ['payload_too_large', false, 413, 'payload_too_large', null],
    ['database_data', false, 422, 'value_not_storable', null],
    ['database_error', false, 500, 'internal_error', null],
  ] as const)('answers %s as a problem', async (code, retryable, status, problem, retryAfter) => {
    const { memory, url } = await started()
    memory.failure = new CrossdockError(code, 'password of 10.0.0.1 is x', { retryable })
    const answer = await post(url, { handler: 'h' })
    expect(answer.status).toBe(status)
    expect(answer.json['code']).toBe(problem)
    expect(answer.headers.get('retry-after')).toBe(retryAfter)
    expect(answer.text).not.toContain('10.0.0.1')
  })
})

describe('?wait=', () => {
  test('is 200 with the job when it ends within that time', async () => {
    const { memory, url } = await started()
    const answer = post(`${url}?wait=5`, { handler: 'h' })
    await until(() => memory.jobs.has('job-1'))
    memory.jobs.set('job-1', someJob({ status: 'completed', result: '{"n":1.50}' }))
    expect(await answer).toMatchObject({
      status: 200,
      json: { id: 'job-1', status: 'completed', result: { n: 1.5 } },
    })
    const same = await send(`${url}/job-1`)
    expect((await answer).text).toBe(same.text)
    expect((await answer).headers.get('location')).toBe('/api/jobs/job-1')
  })

  test('is 202 when it does not', async () => {
    const { url } = await started()
    const answer = await post(`${url}?wait=0.2`, { handler: 'h' })
    expect(answer).toMatchObject({ status: 202, json: { id: 'job-1', status: 'pending' } })
  })

  test('of another value is 400, and makes no job', async () => {
    const { memory, url } = await started()
    const answer = await post(`${url}?wait=61`, { handler: 'h' })
    expect(answer.json).toMatchObject({ status: 400, code: 'invalid_wait' })
    expect(memory.enqueued).toEqual([])
  })
})

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve))
}
