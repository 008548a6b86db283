import { describe, expect, test } from 'vitest'
import { startAdapter } from './started-adapter.ts'
import { post } from './started-server.ts'

describe('?wait=', () => {
  test('is 200 with the job when it has ended', async () => {
    const asked: unknown[] = []
    const { url } = await startAdapter({
      untilEnded: async (id, { limitMs }) => {
        asked.push([id, limitMs])
        return { ended: true, job: { id, status: 'completed' } }
      },
    })
    const answer = await post(`${url}?wait=1.5`, {})
    expect(answer).toMatchObject({ status: 200, json: { id: 'job 1', status: 'completed' } })
    expect(answer.headers.get('location')).toBe('/api/jobs/job%201')
    expect(asked).toEqual([['job 1', 1_500]])
  })

  test('is 202 when it has not, with the status that was seen last', async () => {
    const { url } = await startAdapter({
      untilEnded: async () => ({ ended: false, status: 'processing' }),
    })
    expect(await post(`${url}?wait=60`, {})).toMatchObject({
      status: 202,
      json: { id: 'job 1', job_id: 'job 1', status: 'processing' },
    })
  })

  test('ends when the client goes away', async () => {
    const waits = Promise.withResolvers<AbortSignal>()
    const { url } = await startAdapter({
      untilEnded: (_, { signal }) => {
        waits.resolve(signal)
        return new Promise((resolve) =>
          signal.addEventListener('abort', () => resolve({ ended: false, status: undefined })),
        )
      },
    })
    const gone = new AbortController()
    const request = fetch(`${url}?wait=60`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
      signal: gone.signal,
    })
    const signal = await waits.promise
    expect(signal.aborted).toBe(false)
    const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve))
    gone.abort()
    await expect(request).rejects.toThrow()
    await aborted
  })

  test('is not asked for by those whose message was not stored', async () => {
    const { url } = await startAdapter({
      deliver: () => ({ outcome: 'dead', jobId: 'd' }),
      untilEnded: () => Promise.reject(new Error('nobody waits for that')),
    })
    expect((await post(`${url}?wait=1`, {})).status).toBe(422)
  })

  test.each(['', '0', '0.0', '60.001', '61', '-1', '1e1', '+1', ' 1', '1s', 'NaN', '1&wait=1'])(
    'of %o is 400, and stores nothing',
    async (wait) => {
      const { url, messages } = await startAdapter()
      const answer = await post(`${url}?wait=${wait}`, {})
      expect(answer.json).toMatchObject({ status: 400, code: 'invalid_wait' })
      expect(messages).toEqual([])
    },
  )
})
