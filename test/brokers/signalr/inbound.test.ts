import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { CrossdockError } from '../../../src/domain/errors.ts'
import type { Delivery } from '../../../src/ports/adapter.ts'
import { startOrSkip } from '../../services/require.ts'
import { startSignalr } from '../../services/signalr.ts'
import type { SignalrService } from '../../services/signalr-service.ts'
import { type StartedAdapter, stored, until } from '../started-adapter.ts'
import {
  type StartedSignalrOptions,
  startSignalrAdapter,
  switchableFlow,
} from './started-signalr.ts'

let hub: SignalrService | undefined
let started: StartedAdapter | undefined

beforeAll(async () => {
  hub = await startOrSkip('signalr', () => startSignalr())
})

afterEach(async () => {
  await started?.adapter.stop()
  started = undefined
})

afterAll(async () => {
  await hub?.stop()
})

const JOIN = [{ method: 'Join', args: ['room'] }]

/** The adapter, connected, on the hub of this file. */
async function listen(
  options: Omit<StartedSignalrOptions, 'connection'>,
  connection: Partial<StartedSignalrOptions['connection']> = {},
): Promise<{ one: StartedAdapter; service: SignalrService } | undefined> {
  if (hub === undefined) return undefined
  const one = await startSignalrAdapter({
    ...options,
    connection: { url: hub.url, join: JOIN, ...connection },
  })
  started = one
  await until(() => one.adapter.health().status === 'ok')
  return { one, service: hub }
}

describe('events that the hub does not wait for', () => {
  it('become messages: one argument itself, several as a list', async ({ skip }) => {
    const parts = await listen({ subscriptions: { orders: { event: 'Ordered' } } })
    if (parts === undefined) return skip()
    const { one, service } = parts
    await service.send({ event: 'ordered', args: [{ id: 7, name: 'ä' }] })
    await service.send({ event: 'Ordered', args: [1, 'two', null] })
    await service.send({ event: 'Ordered' })
    await service.send({ event: 'other', args: [1] })
    await until(() => one.delivered.length === 3)
    expect(one.bodies()).toEqual(['{"id":7,"name":"ä"}', '[1,"two",null]', '[]'])
    expect(one.delivered[0]).toMatchObject({
      protocol: 'signalr',
      subscription: 'orders',
      method: 'ordered',
      contentType: 'application/json',
      facts: { event: 'ordered', arguments: 1, awaited: false },
    })
    expect(one.delivered[0]?.identity).toBeUndefined()
  })

  it('keep their headers, trace and correlation', async ({ skip }) => {
    const parts = await listen({ subscriptions: { orders: { event: 'ordered' } } })
    if (parts === undefined) return skip()
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
    const headers = { 'x-color': 'red "ä"', traceparent, 'correlation-id': 'c1' }
    await parts.service.send({ event: 'ordered', args: [1], headers })
    await until(() => parts.one.delivered.length === 1)
    expect(parts.one.delivered[0]).toMatchObject({ headers, traceparent, correlationId: 'c1' })
  })

  it('go to every subscription of the event', async ({ skip }) => {
    const event = { event: 'ordered' }
    const parts = await listen({ subscriptions: { first: event, second: event } })
    if (parts === undefined) return skip()
    await parts.service.send({ event: 'ordered', args: [1] })
    await until(() => parts.one.delivered.length === 2)
    expect(parts.one.delivered.map(({ subscription }) => subscription).toSorted()).toEqual([
      'first',
      'second',
    ])
  })

  it('wait in their order while the database is away', async ({ skip }) => {
    let isAway = true
    const parts = await listen({
      subscriptions: { orders: { event: 'ordered' } },
      deliver: (messages) => {
        if (isAway) throw new CrossdockError('database_unavailable', 'it is away')
        return stored(messages)
      },
    })
    if (parts === undefined) return skip()
    const numbers = Array.from({ length: 30 }, (_, n) => n)
    for (const n of numbers) await parts.service.send({ event: 'ordered', args: [n] })
    isAway = false
    await until(() => parts.one.delivered.length === numbers.length)
    expect(parts.one.bodies().map(Number)).toEqual(numbers)
  })

  it('are lost above the limit, and counted where people look', async ({ skip }) => {
    const flow = switchableFlow()
    const parts = await listen({
      subscriptions: { orders: { event: 'ordered', max_held: 10 } },
      flow,
    })
    if (parts === undefined) return skip()
    const { one, service } = parts
    expect(one.adapter.health().detail).toContain('is lost while we are not connected')
    flow.close()
    await service.send({ event: 'ordered', args: ['x'], times: 25 })
    await until(() => one.adapter.health().detail?.includes('15 events were lost') === true)
    expect(one.adapter.health().status).toBe('degraded')
    expect(one.delivered).toHaveLength(0)
    flow.open()
    await until(() => one.delivered.length === 10)
    expect(one.adapter.health()).toMatchObject({ status: 'ok' })
    expect(one.adapter.health().detail).toContain('15 events were lost since the start')
    await service.send({ event: 'ordered', args: ['y'] })
    await until(() => one.delivered.length === 11)
  })

  it('are stored at a stop, also while the subscription is paused', async ({ skip }) => {
    const flow = switchableFlow()
    const parts = await listen({ subscriptions: { orders: { event: 'ordered' } }, flow })
    if (parts === undefined) return skip()
    flow.close()
    await parts.service.send({ event: 'ordered', args: [1], times: 5 })
    // An answer comes behind them.
    await parts.service.invoke({ event: 'ordered', args: [2] })
    expect(parts.one.delivered).toHaveLength(0)
    await parts.one.adapter.stop()
    expect(parts.one.delivered).toHaveLength(5)
  })
})

describe('events that the hub waits for', () => {
  it('are answered after the commit', async ({ skip }) => {
    let commit: (() => void) | undefined
    const parts = await listen({
      subscriptions: { orders: { event: 'ordered' } },
      deliver: async (messages) => {
        await new Promise<void>((resolve) => (commit = resolve))
        return stored(messages)
      },
    })
    if (parts === undefined) return skip()
    let isAnswered = false
    const answer = parts.service.invoke({ event: 'ordered', args: [1] }).finally(() => {
      isAnswered = true
    })
    await until(() => commit !== undefined)
    // What comes back from the hub now came later than an answer would have.
    await parts.service.state()
    expect(isAnswered).toBe(false)
    commit?.()
    expect(await answer).toEqual({ result: 'job 0' })
  })

  it.for([
    ['job', { job_id: 'job 0', outcome: 'stored' }],
    ['true', true],
    ['null', null],
  ] as const)('are answered as the hub can take it: %s', async ([result, expected], { skip }) => {
    const parts = await listen({ subscriptions: { orders: { event: 'ordered', result } } })
    if (parts === undefined) return skip()
    expect(await parts.service.invoke({ event: 'ordered', args: [1] })).toEqual({
      result: expected,
    })
  })

  it('are refused in words when they are not stored, and hold up nothing', async ({ skip }) => {
    const outcomes: (() => Promise<readonly Delivery[]>)[] = [
      () => Promise.reject(new CrossdockError('database_unavailable', 'the database is away')),
      async () => [{ outcome: 'invalid', problems: [{ path: 'total', message: 'is no number' }] }],
      async () => [{ outcome: 'filtered' }],
    ]
    const parts = await listen({
      subscriptions: { orders: { event: 'ordered' } },
      deliver: (messages) => outcomes.shift()?.() ?? stored(messages),
    })
    if (parts === undefined) return skip()
    const invoke = (): Promise<object> => parts.service.invoke({ event: 'ordered', args: [1] })
    expect(await invoke()).toEqual({
      error: 'It is not stored, and may be sent again: the database is away',
    })
    expect(await invoke()).toEqual({ error: 'The message is invalid at total: is no number' })
    expect(await invoke()).toEqual({ result: null })
    expect(await invoke()).toEqual({ result: 'job 0' })
  })

  it('are refused while the subscription is paused, and above the limit', async ({ skip }) => {
    const flow = switchableFlow()
    const commits: (() => void)[] = []
    const parts = await listen({
      subscriptions: { orders: { event: 'ordered', max_held: 1 } },
      flow,
      deliver: async (messages) => {
        await new Promise<void>((resolve) => commits.push(resolve))
        return stored(messages)
      },
    })
    if (parts === undefined) return skip()
    const invoke = (): Promise<object> => parts.service.invoke({ event: 'ordered', args: [1] })
    flow.close()
    expect(await invoke()).toMatchObject({ error: expect.stringContaining('(paused)') as string })
    flow.open()
    const first = invoke()
    await until(() => commits.length === 1)
    expect(await invoke()).toMatchObject({ error: expect.stringContaining('too many') as string })
    commits[0]?.()
    expect(await first).toEqual({ result: 'job 0' })
    expect(parts.one.adapter.health().status).toBe('ok')
  })

  it('are answered with the first answer when all subscriptions have stored them', async ({
    skip,
  }) => {
    const event = { event: 'ordered' }
    const parts = await listen({
      subscriptions: { first: { ...event, result: 'true' }, second: event },
    })
    if (parts === undefined) return skip()
    expect(await parts.service.invoke({ event: 'ordered', args: [1] })).toEqual({ result: true })
    expect(parts.one.delivered).toHaveLength(2)
  })

  it('are answered before a stop ends, those that are under way', async ({ skip }) => {
    let commit: (() => void) | undefined
    const parts = await listen({
      subscriptions: { orders: { event: 'ordered' } },
      deliver: async (messages) => {
        await new Promise<void>((resolve) => (commit = resolve))
        return stored(messages)
      },
    })
    if (parts === undefined) return skip()
    const answer = parts.service.invoke({ event: 'ordered', args: [1] })
    await until(() => commit !== undefined)
    const stopping = parts.one.adapter.stop()
    commit?.()
    await stopping
    expect(await answer).toEqual({ result: 'job 0' })
  })
})

describe('MessagePack', () => {
  it('carries bytes as bytes, within other values as base64', async ({ skip }) => {
    const parts = await listen(
      { subscriptions: { blobs: { event: 'blob' } }, contentType: 'binary' },
      { protocol: 'messagepack' },
    )
    if (parts === undefined) return skip()
    const { one, service } = parts
    await service.send({ event: 'blob', args: [{ base64: 'AAEC/w==' }], headers: { a: 'b' } })
    await service.send({ event: 'blob', args: ['text', { base64: 'AAEC/w==' }] })
    expect(await service.invoke({ event: 'blob', args: ['text'] })).toEqual({ result: 'job 0' })
    await until(() => one.delivered.length === 3)
    const [bytes, list] = one.delivered
    expect(Buffer.from(bytes?.body ?? [])).toEqual(Buffer.from([0, 1, 2, 255]))
    expect(bytes).toMatchObject({ contentType: 'application/octet-stream', headers: { a: 'b' } })
    expect(Buffer.from(list?.body ?? []).toString()).toBe('["text",{"base64":"AAEC/w=="}]')
  })
})
