import { describe, expect, it, vi } from 'vitest'
import heartbeat from '../../../handlers/examples/heartbeat.ts'
import hello from '../../../handlers/examples/hello.ts'
import slow from '../../../handlers/examples/slow.ts'
import { placeOrder } from '../../../examples/handlers/orders-place.ts'
import { PermanentError } from '../../../src/domain/errors.ts'
import { parseInput } from '../../../src/handler-kit/validate-input.ts'
import type { Handler, HandlerContext } from '../../../src/ports/handler.ts'

function context<Input>(input: Input, more: Partial<HandlerContext<Input>> = {}) {
  const log = { info: () => {}, debug: () => {} }
  return {
    input,
    progress: async () => {},
    signal: new AbortController().signal,
    log,
    job: { createdBy: 'ada', metadata: {} },
    ...more,
  } as unknown as HandlerContext<Input>
}

async function accepts(handler: Handler, input: unknown): Promise<boolean> {
  const stored = { payload: JSON.stringify(input), contentType: null, payloadEncoding: null }
  return (await parseInput(handler, stored)).ok
}

describe('examples.hello', () => {
  it('greets', async () => {
    expect(await hello.run(context({ name: 'Ada' }))).toEqual({ greeting: 'Hello, Ada' })
  })

  it('publishes its greeting where the metadata of the job say so, and nowhere else', async () => {
    const publish = vi.fn(async () => ({ id: 'p1' }))
    await hello.run(context({ name: 'Ada' }, { publish }))
    expect(publish).not.toHaveBeenCalled()
    const job = {
      metadata: { reply_to: 'mqtt:demo-out' },
    } as unknown as HandlerContext<unknown>['job']
    await hello.run(context({ name: 'Ada' }, { publish, job }))
    expect(publish.mock.calls).toEqual([['mqtt:demo-out', { payload: { greeting: 'Hello, Ada' } }]])
  })

  it('wants a name of 1 to 200 characters', async () => {
    expect(await accepts(hello, { name: 'A' })).toBe(true)
    for (const name of ['', 'a'.repeat(201), 1]) expect(await accepts(hello, { name })).toBe(false)
  })
})

describe('examples.heartbeat', () => {
  it('says when it ran', async () => {
    const result = await heartbeat.run(context(undefined))
    expect(result).toEqual({ beat_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as unknown })
  })
})

describe('examples.slow', () => {
  it('says how far it is after each step', async () => {
    const progress = vi.fn<HandlerContext<unknown>['progress']>(async () => {})
    expect(await slow.run(context({ steps: 2, step_ms: 0 }, { progress }))).toEqual({ steps: 2 })
    expect(progress.mock.calls).toEqual([
      [1, 2, 'step 1 of 2'],
      [2, 2, 'step 2 of 2'],
    ])
  })

  it('ends as soon as its signal aborts', async () => {
    const abort = new AbortController()
    const ended = slow.run(context({ steps: 1, step_ms: 60_000 }, { signal: abort.signal }))
    abort.abort()
    await expect(ended).rejects.toThrow('aborted')
  })

  it('refuses what could not end within its time-out', async () => {
    expect(await accepts(slow, { steps: 1000, step_ms: 240 })).toBe(true)
    expect(await accepts(slow, { steps: 1000, step_ms: 241 })).toBe(false)
    expect(await accepts(slow, { steps: 0, step_ms: 1 })).toBe(false)
  })
})

describe('orders.place', () => {
  it('inserts the order, and enqueues the receipt', async () => {
    const sql = vi.fn(async () => [])
    const enqueue = vi.fn(async () => ({ id: 'r1' }))
    const tx = { sql } as unknown as HandlerContext<unknown>['tx']
    const result = await placeOrder.run(context({ orderId: 'o1', total: 2 }, { tx, enqueue }))
    expect(result).toEqual({ ok: true, receiptJobId: 'r1' })
    expect(sql).toHaveBeenCalledWith(expect.anything(), 'o1', 2, 'ada')
  })

  it('fails for good on a negative total', async () => {
    await expect(placeOrder.run(context({ orderId: 'o1', total: -1 }))).rejects.toThrow(
      PermanentError,
    )
  })
})
