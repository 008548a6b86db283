import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { PermanentError } from '../../../src/domain/errors.ts'
import { STATUS } from '../../../src/domain/status.ts'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import { useWorkers } from './harness.ts'

const harness = useWorkers()

describe('a handler that throws', () => {
  it('is tried again after the delay, one priority lower, once', async () => {
    let attempts: number[] = []
    await harness.start(
      [
        defineHandler({
          name: 'h',
          run: ({ job }) => {
            attempts.push(job.attempt)
            if (attempts.length < 3) throw new Error(`broken ${attempts.length}`)
            return 'well'
          },
        }),
      ],
      { retry: { type: 'fixed', initialMs: 100, maxMs: 100, factor: 1, jitter: 0 } },
    )
    const id = await harness.insert({ handler: 'h', priority: 5 })
    const job = await harness.untilStatus(id, STATUS.completed)
    expect(attempts).toEqual([1, 2, 3])
    expect(job).toMatchObject({
      priority: 4,
      retrycount: 2,
      lasterror: 'broken 2',
      result: '"well"',
    })
    const history = await harness.history(id)
    expect(history).toMatchObject([
      { statusid: 4, errormessage: 'broken 1', retryattempt: 0, metadata: { willretry: true } },
      { statusid: 4, errormessage: 'broken 2', retryattempt: 1, metadata: { willretry: true } },
      { statusid: 3, errormessage: null, retryattempt: 2, metadata: null },
    ])
    for (const [earlier, later] of [history.slice(0, 2), history.slice(1)]) {
      const gap = Number(later!['startedat']) - Number(earlier!['completedat'])
      expect(gap).toBeGreaterThanOrEqual(95)
      expect(gap).toBeLessThan(1_000)
    }
    attempts = []
  })

  it('waits as long as its retryDelay says, which is told the error', async () => {
    const asked: unknown[] = []
    const error = new Error('busy')
    await harness.start([
      defineHandler({
        name: 'h',
        retryDelay: (retry, thrown) => {
          asked.push([retry, thrown])
          return 3_600_000
        },
        run: () => {
          throw error
        },
      }),
    ])
    const id = await harness.insert({ handler: 'h' })
    const job = await harness.untilStatus(id, STATUS.retrying)
    expect(asked).toEqual([[0, error]])
    const [row] = await harness.history(id)
    const delay = Number(job['scheduledat']) - Number(row!['completedat'])
    expect(Math.abs(delay - 3_600_000)).toBeLessThan(1_000)
  })

  it('fails for good after its last attempt', async () => {
    await harness.start([
      defineHandler({
        name: 'h',
        maxRetries: 1,
        run: () => {
          throw new Error('never works')
        },
      }),
    ])
    const id = await harness.insert({ handler: 'h' })
    const own = await harness.insert({ handler: 'h', maxretries: 0 })
    const job = await harness.untilStatus(id, STATUS.failed)
    expect(job).toMatchObject({ deadreason: 'retries_exhausted', lasterror: 'never works' })
    const history = await harness.history(id)
    expect(history.map((row) => row['metadata'])).toEqual([
      { willretry: true },
      { willretry: false },
    ])
    await harness.untilStatus(own, STATUS.failed)
    expect(await harness.history(own)).toHaveLength(1)
  })

  it.each([
    ['a PermanentError', new PermanentError('no such order')],
    [
      'one of another loaded copy',
      Object.assign(new Error('no such order'), { code: 'permanent', retryable: false }),
    ],
  ])('fails for good at once with %s', async (_, error) => {
    await harness.start([
      defineHandler({
        name: 'h',
        run: () => {
          throw error
        },
      }),
    ])
    const id = await harness.insert({ handler: 'h', maxretries: 5 })
    const job = await harness.untilStatus(id, STATUS.failed)
    expect(job).toMatchObject({
      deadreason: 'permanent',
      lasterror: 'no such order',
      retrycount: 0,
    })
    expect(await harness.history(id)).toHaveLength(1)
  })

  it('is not called at all for an invalid input, which fails for good', async () => {
    let calls = 0
    const handler = defineHandler({
      name: 'h',
      input: z.object({ total: z.number() }),
      run: () => {
        calls += 1
      },
    })
    await harness.start([handler])
    const id = await harness.insert({ handler: 'h', payload: { total: 'many' } })
    const broken = await harness.insert({ handler: 'h' })
    await harness.query(`UPDATE queue_jobs SET payload = '{' WHERE id = $1`, [broken])
    const job = await harness.untilStatus(id, STATUS.failed)
    expect(job).toMatchObject({ deadreason: 'input_invalid' })
    expect(job['lasterror']).toContain('total')
    expect(await harness.untilStatus(broken, STATUS.failed)).toMatchObject({
      deadreason: 'input_invalid',
    })
    expect(calls).toBe(0)
  })

  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  it.each([
    ['undefined', undefined, 'undefined'],
    ['a string', 'out of ink', 'out of ink'],
    ['a text that no column holds', 'a\0b\ud800', 'a�b�'],
    ['a frozen object', Object.freeze({ a: 1 }), '[object Object]'],
    [
      'an object whose toString throws',
      {
        toString: () => {
          throw new Error('no')
        },
      },
      'cannot be shown',
    ],
    [
      'an error whose message throws',
      Object.defineProperty(new Error('x'), 'message', {
        get: () => {
          throw new Error('no')
        },
      }),
      'cannot be shown',
    ],
    [
      'an error whose message is no text',
      Object.assign(new Error('x'), { message: { a: 1 } }),
      'object',
    ],
    [
      'an error whose code throws',
      Object.defineProperties(new Error('coded'), {
        code: {
          get: () => {
            throw new Error('no')
          },
        },
        retryable: { value: false },
      }),
      'coded',
    ],
    ['a revoked proxy', revoked.proxy, 'cannot be shown'],
  ])('may throw %s', async (_, thrown, text) => {
    await harness.start(
      [
        defineHandler({
          name: 'h',
          run: () => {
            throw thrown
          },
        }),
        defineHandler({ name: 'next', run: () => 1 }),
      ],
      { pools: [{ name: 'rest', workers: 1 }] },
    )
    const id = await harness.insert({ handler: 'h', maxretries: 0 })
    const job = await harness.untilStatus(id, STATUS.failed)
    expect(job['lasterror']).toContain(text)
    expect(job).toMatchObject({ deadreason: 'retries_exhausted' })
    const next = await harness.insert({ handler: 'next' })
    await harness.untilStatus(next, STATUS.completed)
  })
})
