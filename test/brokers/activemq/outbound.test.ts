import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Publishing } from '../../../src/ports/outbound.ts'
import { CLASSIC_MAX_DATA_BYTES } from '../../services/activemq-classic.ts'
import { startOrSkip } from '../../services/require.ts'
import { type StompBroker, TEST_PREFIX } from '../../services/stomp-broker.ts'
import { type StartedAdapter, until } from '../started-adapter.ts'
import { BROKERS } from './brokers.ts'
import {
  connectionTo,
  newName,
  outbound,
  startActivemq,
  type StartedActivemqOptions,
} from './started-activemq.ts'

const SIGNAL = new AbortController().signal

describe.each(BROKERS)('publishing to ActiveMQ %s', (_name, service, open) => {
  let broker: StompBroker | undefined
  let cleanUps: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    broker = await startOrSkip(service, open)
  }, 120_000)

  afterEach(async () => {
    await Promise.all(cleanUps.map((cleanUp) => cleanUp()))
    cleanUps = []
  })

  async function start(
    given: StompBroker,
    options: Omit<StartedActivemqOptions, 'connection'>,
  ): Promise<StartedAdapter> {
    const started = await startActivemq({ connection: connectionTo(given), ...options })
    cleanUps.push(() => started.adapter.stop())
    await until(() => started.adapter.health().status === 'ok')
    return started
  }

  it('is confirmed by receipts, in the order of the list, with its headers', async ({ skip }) => {
    if (broker === undefined) return skip()
    const destination = `/queue/${newName()}`
    const started = await start(broker, {
      subscriptions: { s: { destination } },
      publications: {
        p: { destination, priority: 7, expires_in: '1h' },
      },
    })
    const headers = {
      'x-plain': 'red "ä"',
      'name:with\\colon': 'a:b\\c\nd\\new',
      list: ['one', 'two'],
      bytes: { base64: 'AAE=' },
      destination: '/queue/elsewhere',
      'correlation-id': 'c1',
    }
    const target = { group: 'g', reply_to: '/queue/answers', type: 'T' }
    const messages = Array.from({ length: 300 }, (_, n) => outbound(`m${n}`, { headers, target }))
    const outcomes = await started.adapter.publish?.('p', messages, SIGNAL)
    expect(new Set(outcomes?.map(({ outcome }) => outcome))).toEqual(new Set(['published']))
    await until(() => started.delivered.length === messages.length)
    expect(started.delivered.map(({ identity }) => identity)).toEqual(messages.map(({ id }) => id))
    const [first] = started.delivered
    expect(first).toMatchObject({
      contentType: 'application/json',
      correlationId: 'c1',
      headers: {
        'x-plain': 'red "ä"',
        'name:with\\colon': 'a:b\\c\nd\\new',
        list: 'one, two',
        bytes: 'AAE=',
        'idempotency-key': 'm0',
      },
      facts: { persistent: true, priority: 7, reply_to: '/queue/answers', type: 'T' },
    })
    // Classic keeps the group, and does not tell it over STOMP.
    expect(first?.key).toBe(broker.kind === 'artemis' ? 'g' : undefined)
    expect(Number(first?.facts?.['expires'])).toBeGreaterThan(Date.now() + 3_000_000)
  })

  it('has text as text and bytes as bytes', async ({ skip }) => {
    if (broker === undefined) return skip()
    const destination = `/queue/${newName()}`
    const started = await start(broker, {
      subscriptions: { s: { destination } },
      publications: { p: { destination }, text: { destination, body: 'text' } },
    })
    const bodies = [
      Buffer.from('{"a":"ä"}'),
      Buffer.from([0, 1, 2, 255, 10, 13, 0]),
      Buffer.alloc(0),
      Buffer.from('null\0byte'),
    ]
    for (const [n, payload] of bodies.entries()) {
      const contentType = n === 1 ? 'application/octet-stream' : 'application/json'
      const message = outbound(`m${n}`, { payload, contentType })
      expect(await started.adapter.publish?.('p', [message], SIGNAL)).toEqual([
        { outcome: 'published' },
      ])
    }
    await until(() => started.delivered.length === bodies.length)
    expect(started.delivered.map(({ body }) => Buffer.from(body))).toEqual(bodies)
    const unfit = outbound('x', { payload: Buffer.from([255, 254]) })
    expect(await started.adapter.publish?.('text', [unfit], SIGNAL)).toMatchObject([
      { outcome: 'refused', permanent: true },
    ])
  })

  it('holds a message back where the publication says so', async ({ skip }) => {
    if (broker === undefined) return skip()
    const destination = `/queue/${newName()}`
    const started = await start(broker, {
      subscriptions: { s: { destination } },
      publications: { later: { destination, delay: '600ms' }, now: { destination } },
    })
    const begun = performance.now()
    await started.adapter.publish?.('later', [outbound('later')], SIGNAL)
    await started.adapter.publish?.('now', [outbound('now')], SIGNAL)
    await until(() => started.delivered.length === 2)
    expect(started.delivered.map(({ identity }) => identity)).toEqual(['now', 'later'])
    expect(performance.now() - begun).toBeGreaterThan(500)
  })

  it('tells the message that the broker refuses from its neighbours', async ({ skip }) => {
    if (broker?.controllable === undefined) return skip()
    const started = await start(broker, {
      publications: { p: { destination: '{{ key }}' } },
    })
    const allowed = `/queue/${newName()}`
    const messages = [allowed, '/queue/forbidden', allowed].map((destination, n) =>
      outbound(`m${n}`, { target: { destination } }),
    )
    const outcomes = await started.adapter.publish?.('p', messages, SIGNAL)
    expect(outcomes).toMatchObject([
      { outcome: 'published' },
      { outcome: 'refused', permanent: false },
      { outcome: 'published' },
    ])
    expect(JSON.stringify(outcomes)).toMatch(/not authorized|does not have permission/)
    expect(started.adapter.health()).toEqual({ status: 'ok' })
  })

  it('finds the message over which Classic breaks the connection', async ({ skip }) => {
    if (broker?.kind !== 'classic' || broker.origin !== 'maven')
      return skip('of our Classic alone: its limit is known')
    const destination = `/queue/${newName()}`
    const started = await start(broker, {
      subscriptions: { s: { destination } },
      publications: { p: { destination } },
    })
    const large = Buffer.alloc(CLASSIC_MAX_DATA_BYTES + 200_000, 'x')
    const messages = Array.from({ length: 5 }, (_, n) =>
      outbound(`m${n}`, { ...(n === 2 && { payload: large }) }),
    )
    const publish = async (attempt: number, of: typeof messages) => {
      const given = of.map((message) => ({ ...message, attempt }))
      let outcomes: readonly Publishing[] = []
      await until(async () => {
        outcomes = (await started.adapter.publish?.('p', given, SIGNAL)) ?? []
        return outcomes.some(({ outcome }) => outcome !== 'unsent')
      })
      return outcomes
    }
    // Nothing says which it was: none of those without a receipt is taken for the one.
    const first = await publish(1, messages)
    expect(first.map(({ outcome }) => outcome)).not.toContain('refused')
    let left = messages.filter((_, n) => first[n]?.outcome !== 'published')
    expect(left.map(({ id }) => id)).toContain('m2')
    // Tried again they go one by one.
    const second = await publish(2, left)
    const refused = second.findIndex(({ outcome }) => outcome === 'refused')
    expect(left[refused]?.id).toBe('m2')
    expect(second[refused]).toMatchObject({ outcome: 'refused', permanent: true })
    left = left.filter((_, n) => second[n]?.outcome === 'unsent')
    const third = await publish(2, left)
    expect(third.every(({ outcome }) => outcome === 'published')).toBe(true)
    await until(() => new Set(started.delivered.map(({ identity }) => identity)).size === 4)
  })

  it('leaves messages unsent without a connection', async ({ skip }) => {
    if (broker === undefined) return skip()
    const connection = { ...connectionTo(broker), urls: 'stomp://127.0.0.1:1' }
    const started = await startActivemq({
      connection,
      publications: { p: { destination: '/queue/x' } },
    })
    cleanUps.push(() => started.adapter.stop())
    expect(await started.adapter.publish?.('p', [outbound('m')], SIGNAL)).toMatchObject([
      { outcome: 'unsent' },
    ])
    await until(() => started.adapter.health().detail?.includes('ECONNREFUSED') === true)
  })

  it('is read by the broker’s own consumer', { timeout: 60_000 }, async ({ skip }) => {
    if (broker?.tools === undefined) return skip()
    const queue = `${TEST_PREFIX}${Math.random().toString(36).slice(2)}`
    const started = await start(broker, { publications: { p: { destination: `/queue/${queue}` } } })
    const messages = [1, 2, 3].map((n) =>
      outbound(`m${n}`, { payload: Buffer.from(`{"text":"hello ${n}"}`) }),
    )
    await started.adapter.publish?.('p', messages, SIGNAL)
    const printed = await broker.tools.consume(queue, messages.length)
    expect(printed.match(/\{"text":"hello \d"\}/g)).toEqual(
      messages.map(({ payload }) => Buffer.from(payload).toString()),
    )
  })
})
