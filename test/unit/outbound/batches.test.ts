import { describe, expect, it } from 'vitest'
import { createPublishBatches } from '../../../src/outbound/batches.ts'
import type { OutboundMessage, Publish, Publishing } from '../../../src/ports/outbound.ts'
import { manualClock, settled } from '../worker/manual-clock.ts'

const DONE: Publishing = { outcome: 'published' }

function message(id: string, bytes = 1): OutboundMessage {
  return {
    id,
    payload: new Uint8Array(bytes),
    contentType: undefined,
    key: undefined,
    headers: {},
    target: {},
    attempt: 1,
  }
}

function setUp(maxMessages = 500) {
  const clock = manualClock()
  const calls: { ids: string[]; signal: AbortSignal; answer: (all?: Publishing[]) => void }[] = []
  const publish: Publish = (messages, signal) =>
    new Promise((resolve) => {
      const ids = messages.map(({ id }) => id)
      calls.push({ ids, signal, answer: (all) => resolve(all ?? messages.map(() => DONE)) })
    })
  const publisher: { current: Publish | undefined } = { current: publish }
  const batches = createPublishBatches({
    publisher: () => publisher.current,
    maxMessages,
    timeoutMs: 5_000,
    clock,
  })
  const never = new AbortController().signal
  const send = (id: string, signal = never, bytes = 1): Promise<Publishing> =>
    batches.publish(message(id, bytes), signal)
  return { clock, calls, publisher, batches, send }
}

describe('messages to one publication', () => {
  it('that come together go together, and what comes meanwhile is the next batch', async () => {
    const { calls, send, batches } = setUp()
    const first = Promise.all([send('a'), send('b')])
    await settled()
    const second = Promise.all([send('c'), send('d')])
    await settled()
    expect(calls.map(({ ids }) => ids)).toEqual([['a', 'b']])
    expect(batches.inFlight()).toBe(4)
    calls[0]?.answer()
    await settled()
    expect(calls.map(({ ids }) => ids)).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ])
    calls[1]?.answer()
    expect(await Promise.all([first, second])).toEqual([
      [DONE, DONE],
      [DONE, DONE],
    ])
    expect(batches.inFlight()).toBe(0)
  })

  it('go beside a batch that hangs', async () => {
    const { calls, clock, send } = setUp()
    void send('hangs')
    await settled()
    const next = send('next')
    await clock.advance(20)
    expect(calls.map(({ ids }) => ids)).toEqual([['hangs'], ['next']])
    calls[1]?.answer()
    expect(await next).toEqual(DONE)
  })

  it('that go singly leave at once, and each has its own end and its own signal', async () => {
    const { calls, send } = setUp(1)
    const abort = new AbortController()
    const hanging = send('hangs', abort.signal)
    const others = Promise.all([send('a'), send('b')])
    await settled()
    expect(calls.map(({ ids }) => ids)).toEqual([['hangs'], ['a'], ['b']])
    calls[1]?.answer()
    calls[2]?.answer()
    expect(await others).toEqual([DONE, DONE])
    abort.abort()
    expect(await hanging).toMatchObject({ outcome: 'unconfirmed' })
    expect(calls.map(({ signal }) => signal.aborted)).toEqual([true, false, false])
  })

  it('are cut by number and by bytes', async () => {
    const { calls, clock, send } = setUp()
    for (let count = 0; count < 1_001; count += 1) void send(`m${count}`)
    void send('large', undefined, 5 * 1024 * 1024)
    void send('larger', undefined, 9 * 1024 * 1024)
    await settled()
    for (let round = 0; round < 5; round += 1) await clock.advance(20)
    expect(calls.map(({ ids }) => ids.length)).toEqual([500, 500, 2, 1])
  })

  it('settle each by itself, and one that the adapter forgot is unconfirmed', async () => {
    const { calls, send } = setUp()
    const all = Promise.all([send('a'), send('b'), send('c')])
    await settled()
    calls[0]?.answer([DONE, { outcome: 'refused', error: 'no', permanent: true }])
    expect((await all).map(({ outcome }) => outcome)).toEqual([
      'published',
      'refused',
      'unconfirmed',
    ])
  })

  it('of an adapter that throws or says nothing in time are unconfirmed', async () => {
    const { calls, clock, publisher, send } = setUp()
    const silent = send('a')
    await settled()
    await clock.advance(7_000)
    expect(await silent).toEqual({ outcome: 'unconfirmed', error: 'not confirmed within 5 s' })
    expect(calls[0]?.signal.aborted).toBe(true)
    publisher.current = () => Promise.reject(new TypeError('broken'))
    const thrown = send('b')
    await clock.advance(20)
    expect(await thrown).toEqual({ outcome: 'unconfirmed', error: 'the adapter failed: broken' })
  })

  it('abort their batch when nobody waits for any of them, and do not leave any more', async () => {
    const { calls, clock, send } = setUp()
    const aborts = [new AbortController(), new AbortController(), new AbortController()] as const
    const first = Promise.all([send('a', aborts[0].signal), send('b', aborts[1].signal)])
    await settled()
    const late = send('late', aborts[2].signal)
    aborts[0].abort()
    expect(calls[0]?.signal.aborted).toBe(false)
    aborts[1].abort()
    aborts[2].abort()
    expect(calls[0]?.signal.aborted).toBe(true)
    expect((await first).map(({ outcome }) => outcome)).toEqual(['unconfirmed', 'unconfirmed'])
    await late
    await clock.advance(100)
    expect(calls).toHaveLength(1)
  })

  it('are unsent while nobody publishes', async () => {
    const { publisher, send } = setUp()
    publisher.current = undefined
    expect(await send('a')).toMatchObject({ outcome: 'unsent' })
  })
})
