import { expect, test } from 'vitest'
import { createDeadLettersResource } from '../../../src/http/dead-letters.ts'
import type { DeadLetters, Replay } from '../../../src/ports/dead-letters.ts'
import { someJob } from './memory-jobs.ts'
import { send, startServer } from './started-server.ts'

const LETTER = {
  id: 'a',
  seq: '7',
  handler: 'h',
  protocol: 'http',
  direction: 'inbound',
  method: 'POST',
  queue: 'default',
  subscription: 'orders',
  deadReason: 'invalid',
  error: 'no number',
  tenantId: null,
  retryCount: 0,
  createdAt: new Date('2030-01-01T00:00:00Z'),
  diedAt: new Date('2030-01-01T00:00:00Z'),
  startedAt: null,
  replayedAs: 'b',
} as const

/** The routes on dead letters that remember what they were asked. */
async function started(replay: Replay = { outcome: 'replayed', jobId: 'new', jobs: 2 }) {
  const asked: unknown[] = []
  const deadLetters: DeadLetters = {
    list: async (request) => {
      asked.push(request)
      return { rows: [LETTER], next: '6' }
    },
    show: async (id) =>
      id === 'a'
        ? { job: someJob({ id, deadReason: 'invalid', status: 'failed' }), replayedAs: undefined }
        : undefined,
    replay: async (...request) => {
      asked.push(request)
      return replay
    },
    replayAll: async (...request) => {
      asked.push(request)
      return { tried: 3, replayed: 1, alreadyReplayed: 4, refused: 2, refusals: [], next: null }
    },
  }
  const { url } = await startServer({ resources: [createDeadLettersResource(deadLetters)] })
  return { asked, url: `${url}/api/dead-letters` }
}

const JSON_HEADER = { 'content-type': 'application/json' }

test('dead letters are listed by what is asked for', async () => {
  const { asked, url } = await started()
  const answer = await send(
    `${url}?subscription=orders&dead_reason=invalid&from=2030-01-01T00:00:00%2B01:00&limit=5&cursor=9`,
  )
  expect(answer.status).toBe(200)
  expect(answer.json).toEqual({
    data: [
      {
        id: 'a',
        handler: 'h',
        protocol: 'http',
        direction: 'inbound',
        method: 'POST',
        queue: 'default',
        subscription: 'orders',
        dead_reason: 'invalid',
        error: 'no number',
        attempts: 0,
        tenant_id: null,
        created_at: '2030-01-01T00:00:00.000Z',
        replayed_as: 'b',
      },
    ],
    next_cursor: '6',
  })
  expect(asked).toEqual([
    {
      filter: {
        subscription: 'orders',
        deadReason: 'invalid',
        from: new Date('2029-12-31T23:00:00Z'),
        tenantId: undefined,
      },
      after: '9',
      limit: 5,
    },
  ])
})

test.each(['?limit=0', '?limit=x', '?cursor=-1', '?from=yesterday', '?nobody=1', '?handler=%00'])(
  'a list with %s is refused',
  async (query) => {
    const { asked, url } = await started()
    const answer = await send(`${url}${query}`)
    expect(answer.status).toBe(422)
    expect(answer.json).toMatchObject({ code: 'input_invalid' })
    expect(asked).toEqual([])
  },
)

test('one is shown with all that its row has', async () => {
  const { url } = await started()
  const answer = await send(`${url}/a`)
  expect(answer.json).toMatchObject({ id: 'a', dead_reason: 'invalid', replayed_as: null })
  expect((await send(`${url}/b`)).status).toBe(404)
})

test('a replay is answered with its job', async () => {
  const { asked, url } = await started()
  const answer = await send(`${url}/a/replay`, { method: 'POST', headers: JSON_HEADER })
  expect(answer.status).toBe(202)
  expect(answer.headers.get('location')).toBe('/api/jobs/new')
  expect(answer.json).toEqual({ id: 'new', job_id: 'new', parent_job_id: 'a', jobs: 2 })
  const body = '{"force":true}'
  await send(`${url}/a/replay`, { method: 'POST', headers: JSON_HEADER, body })
  expect(asked).toEqual([
    ['a', { force: undefined, dryRun: undefined }],
    ['a', { force: true, dryRun: undefined }],
  ])
})

test.each([
  ['already_replayed', 409, 'dead_letter_replayed'],
  ['duplicate', 409, 'message_duplicate'],
  ['not_a_dead_letter', 409, 'not_a_dead_letter'],
  ['job_not_found', 404, 'job_not_found'],
  ['invalid', 422, 'replay_refused'],
  ['subscription_unknown', 422, 'replay_refused'],
] as const)('a replay that is refused as %s is answered %i %s', async (reason, status, code) => {
  const { url } = await started({ outcome: 'refused', reason, message: 'No.', jobId: 'first' })
  const answer = await send(`${url}/a/replay`, { method: 'POST', headers: JSON_HEADER })
  expect(answer.status).toBe(status)
  expect(answer.json).toMatchObject({ code, ...(status !== 404 && { reason, job_id: 'first' }) })
})

test('many are replayed by filter, with counts', async () => {
  const { asked, url } = await started()
  const body = '{"handler":"h","dry_run":true,"limit":50}'
  const answer = await send(`${url}/replay`, { method: 'POST', headers: JSON_HEADER, body })
  expect(answer.json).toEqual({
    dry_run: true,
    tried: 3,
    replayed: 1,
    already_replayed: 4,
    refused: 2,
    refusals: [],
    next_cursor: null,
  })
  expect(asked).toMatchObject([
    [{ filter: { handler: 'h' }, after: null, limit: 50 }, { dryRun: true }],
  ])
  const wrong = { method: 'POST', headers: JSON_HEADER, body: '{"handlr":"h"}' }
  expect((await send(`${url}/replay`, wrong)).status).toBe(422)
})
