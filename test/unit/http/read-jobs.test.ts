import { describe, expect, test } from 'vitest'
import type { Job } from '../../../src/domain/job.ts'
import { memoryJobs, someJob } from './memory-jobs.ts'
import { send, startServer } from './started-server.ts'

async function started(...jobs: readonly Job[]) {
  const memory = memoryJobs()
  for (const job of jobs) memory.jobs.set(job.id, job)
  const server = await startServer({ resources: [memory.resource] })
  return { memory, url: `${server.url}/api/jobs` }
}

describe('GET /api/jobs/:id', () => {
  test('shows the job in the order of the contract', async () => {
    const { url } = await started(
      someJob({
        id: 'a b/ü',
        status: 'processing',
        startedAt: new Date('2026-01-02T03:04:06Z'),
        payload: '{"n":12345678901234567890}',
        result: 'not json',
        progress: { current: 1, total: 3, message: 'one' },
        retryCount: 2,
        version: 4,
      }),
    )
    const answer = await send(`${url}/a%20b%2F%C3%BC`)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('etag')).toBe('"4"')
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(Object.keys(answer.json)).toEqual(
      (
        'id, name, description, handler, type, status, protocol, direction, method, queue, priority, ' +
        'payload, headers, metadata, result, error, progress, attempts, max_retries, tenant_id, ' +
        'created_by, parent_job_id, correlation_id, scheduled_at, created_at, started_at, completed_at'
      ).split(', '),
    )
    expect(answer.text).toContain('"payload":{"n":12345678901234567890}')
    expect(answer.json).toMatchObject({
      id: 'a b/ü',
      result: 'not json',
      progress: { current: 1, total: 3, percentage: 33, message: 'one' },
      attempts: 3,
      created_at: '2026-01-02T03:04:05.678Z',
    })
  })

  test.each([
    ['a job that waits', { status: 'pending' }, 0],
    ['a job that runs', { status: 'processing', startedAt: new Date() }, 1],
    ['a job that is claimed and not begun', { status: 'processing' }, 0],
    [
      'a job that waits for its retry',
      { status: 'retrying', startedAt: new Date(), retryCount: 1 },
      1,
    ],
    ['a job that failed', { status: 'failed', startedAt: new Date(), retryCount: 3 }, 4],
    ['a message that never ran', { status: 'failed' }, 0],
  ] as const)('counts the attempts of %s', async (_name, changes, attempts) => {
    const { url } = await started(someJob(changes))
    expect((await send(`${url}/job-1`)).json['attempts']).toBe(attempts)
  })

  test.each([
    [{ payload: '1', contentType: 'text/plain' }, '1'],
    [{ payload: '1', contentType: 'application/vnd.x+json; charset=utf-8' }, 1],
    [{ payload: 'AA==', payloadEncoding: 'base64' }, 'AA=='],
    [{ payload: '{broken' }, '{broken'],
    [{ payload: null }, null],
  ])('shows the payload %o', async (changes, payload) => {
    const { url } = await started(someJob(changes))
    expect((await send(`${url}/job-1`)).json['payload']).toEqual(payload)
  })

  test.each(['none', 'a%00b', 'x'.repeat(600), '%zz', 'stats'])(
    'answers a problem to %s',
    async (id) => {
      const { url } = await started()
      const answer = await send(`${url}/${id}`)
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(answer.status).toBeLessThan(500)
      expect(answer.headers.get('content-type')).toContain('application/problem+json')
      expect(answer.json['code']).toBeTypeOf('string')
    },
  )

  test('answers 404 to an id that nobody has', async () => {
    const { url } = await started()
    for (const path of ['none', 'none/status', 'none/history']) {
      const answer = await send(`${url}/${path}`)
      expect(answer.json).toMatchObject({ status: 404, code: 'job_not_found' })
    }
  })
})

test('the small form is for pollers', async () => {
  const { url } = await started(someJob({ status: 'completed', result: '{"ok":true}' }))
  const answer = await send(`${url}/job-1/status`)
  expect(answer.text).toBe(
    '{"id":"job-1","job_id":"job-1","status":"completed","progress":0,"total":100,"percentage":0,' +
      '"message":null,"result":{"ok":true},"error":null}',
  )
})

test('the history shows each execution', async () => {
  const { memory, url } = await started(someJob())
  memory.executions.set('job-1', [
    {
      id: 'e',
      executionId: 'job-1:1',
      status: 'failed',
      startedAt: new Date('2026-01-01T00:00:00Z'),
      completedAt: null,
      durationMs: 5,
      result: null,
      output: '{"status":503}',
      error: 'boom',
      retryAttempt: 0,
      executedBy: 'i/1',
      metadata: { willretry: true },
    },
  ])
  expect((await send(`${url}/job-1/history`)).json).toEqual({
    data: [
      {
        id: 'e',
        job_id: 'job-1',
        execution_id: 'job-1:1',
        status: 'failed',
        started_at: '2026-01-01T00:00:00.000Z',
        completed_at: null,
        duration_ms: 5,
        result: null,
        output: { status: 503 },
        error: 'boom',
        retry_attempt: 0,
        executed_by: 'i/1',
        metadata: { willretry: true },
      },
    ],
  })
})
