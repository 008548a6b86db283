import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { CrossdockError } from '../../../src/domain/errors.ts'
import type { Flow } from '../../../src/ports/flow.ts'
import { openPassage, type Passage } from '../../conformance/adapters/passage.ts'
import { startOrSkip } from '../../services/require.ts'
import { type StompBroker, TEST_PREFIX } from '../../services/stomp-broker.ts'
import { memorySlots, type StartedAdapter, stored, until } from '../started-adapter.ts'
import { BROKERS } from './brokers.ts'
import {
  connectionTo,
  newName,
  outbound,
  startActivemq,
  type StartedActivemqOptions,
} from './started-activemq.ts'

const SIGNAL = new AbortController().signal
const REFUSED = {
  outcome: 'refused',
  error: new CrossdockError('database_locked', 'somebody holds the key'),
} as const

describe.each(BROKERS)('receiving from ActiveMQ %s', (_name, service, open) => {
  let broker: StompBroker | undefined
  let cleanUps: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    broker = await startOrSkip(service, open)
  }, 120_000)

  afterEach(async () => {
    for (const cleanUp of cleanUps.toReversed()) await cleanUp()
    cleanUps = []
  })

  async function start(
    given: Pick<StompBroker, 'kind' | 'url'>,
    options: Omit<StartedActivemqOptions, 'connection'>,
  ): Promise<StartedAdapter> {
    const started = await startActivemq({ connection: connectionTo(given), ...options })
    cleanUps.push(() => started.adapter.stop())
    await until(() => started.adapter.health().status === 'ok')
    return started
  }

  /** Sends messages named `from` to `to - 1`, each with its name as its key. */
  async function send(
    given: StompBroker,
    destination: string,
    [from, to]: readonly [number, number],
    headers: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const sender = await start(given, { publications: { p: { destination } } })
    const messages = Array.from({ length: to - from }, (_, n) =>
      outbound(String(from + n), { headers }),
    )
    const outcomes = await sender.adapter.publish?.('p', messages, SIGNAL)
    expect(outcomes?.every(({ outcome }) => outcome === 'published')).toBe(true)
    await sender.adapter.stop()
  }

  /** A way to the broker that can be cut. */
  async function passageTo(given: StompBroker): Promise<Passage & { readonly url: string }> {
    const { hostname: host, port } = new URL(given.url)
    const passage = await openPassage({
      to: () => ({ host, port: Number(port) }),
      program: 'caller',
    })
    cleanUps.push(() => passage.close())
    return { ...passage, url: `stomp://127.0.0.1:${passage.port}` }
  }

  const keys = ({ delivered }: StartedAdapter): readonly (string | undefined)[] =>
    delivered.map(({ identity }) => identity)

  const numbers = (from: number, to: number): readonly string[] =>
    Array.from({ length: to - from }, (_, n) => String(from + n))

  it('acknowledges after deliver alone: what was not stored comes again', async ({ skip }) => {
    if (broker === undefined) return skip()
    const destination = `/queue/${newName()}`
    await send(broker, destination, [0, 5])
    const passage = await passageTo(broker)
    let offered = 0
    let commit: (() => void) | undefined
    const committed = new Promise<void>((resolve) => (commit = resolve))
    const first = await start(
      { kind: broker.kind, url: passage.url },
      {
        subscriptions: { s: { destination } },
        deliver: async (messages) => {
          offered += messages.length
          await committed
          return await stored(messages)
        },
      },
    )
    cleanUps.push(async () => commit?.())
    await until(() => offered > 0)
    // Not in an orderly way: that would wait for the commit.
    await passage.close()
    await until(() => first.adapter.health().status === 'down')
    const second = await start(broker, { subscriptions: { s: { destination } } })
    await until(() => second.delivered.length === 5)
    expect(keys(second)).toEqual(numbers(0, 5))
    await second.adapter.stop()
    const third = await start(broker, { subscriptions: { s: { destination } } })
    await send(broker, destination, [5, 6])
    await until(() => third.delivered.length > 0)
    expect(keys(third)).toEqual(['5'])
  })

  it('offers what was refused again, in order, and sends nothing to the dead letters', async ({
    skip,
  }) => {
    if (broker === undefined) return skip()
    const destination = `/queue/${newName()}`
    await send(broker, destination, [0, 4])
    let calls = 0
    const started = await start(broker, {
      subscriptions: { s: { destination } },
      deliver: async (messages) => {
        calls += 1
        if (calls > 2) return await stored(messages)
        return messages.map(({ identity }) =>
          identity === '0' ? REFUSED : { outcome: 'stored', jobId: identity ?? '' },
        )
      },
    })
    await until(() => started.delivered.length === 4)
    expect(keys(started).toSorted()).toEqual(numbers(0, 4))
    expect(keys(started).filter((key) => key !== '0')).toEqual(numbers(1, 4))
    await started.adapter.stop()
    const again = await start(broker, { subscriptions: { s: { destination } } })
    await send(broker, destination, [9, 10])
    await until(() => again.delivered.length > 0)
    expect(keys(again)).toEqual(['9'])
  })

  it('holds no more than the prefetch while it is closed, and takes all when it opens', async ({
    skip,
  }) => {
    if (broker === undefined) return skip()
    const destination = `/queue/${newName()}`
    await send(broker, destination, [0, 50])
    let isClosed = true
    const listeners = new Set<() => void>()
    const flow: Flow = {
      closed: () => (isClosed ? { reason: 'paused', retryAfterMs: 60_000 } : undefined),
      onChange: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    }
    // Ten messages, or what some eight of them weigh.
    const prefetch = broker.kind === 'classic' ? 10 : 4_000
    const closed = await start(broker, { subscriptions: { s: { destination, prefetch } }, flow })
    // The rest is there for somebody else.
    const other = await start(broker, { subscriptions: { s: { destination, prefetch: 1_000 } } })
    await until(() => other.delivered.length >= 30)
    expect(closed.delivered).toHaveLength(0)
    await other.adapter.stop()
    const left = 50 - other.delivered.length
    isClosed = false
    for (const listener of listeners) listener()
    await until(() => closed.delivered.length === left)
    const all = [...keys(other), ...keys(closed)].map(Number).sort((a, b) => a - b)
    expect(all.map(String)).toEqual(numbers(0, 50))
  })

  it('acknowledges what was stored while the line was gone when it comes again', async ({
    skip,
  }) => {
    if (broker === undefined) return skip()
    const destination = `/queue/${newName()}`
    const passage = await passageTo(broker)
    let release: (() => void) | undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    let offered = 0
    const started = await start(
      { kind: broker.kind, url: passage.url },
      {
        subscriptions: { s: { destination } },
        deliver: async (messages) => {
          offered += messages.length
          await held
          return await stored(messages)
        },
      },
    )
    await send(broker, destination, [0, 10])
    await until(() => offered > 0)
    const underWay = offered
    passage.cut()
    await until(() => started.adapter.health().status === 'down')
    release?.()
    await until(() => started.delivered.length >= 10)
    await send(broker, destination, [10, 11])
    await until(() => keys(started).includes('10'))
    expect(underWay).toBeGreaterThan(0)
    expect(keys(started).toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers(0, 11))
  })

  it('takes by a selector what the headers say', async ({ skip }) => {
    if (broker === undefined) return skip()
    const destination = `/queue/${newName()}`
    await send(broker, destination, [0, 2], { color: 'red: dark' })
    await send(broker, destination, [2, 4], { color: 'blue' })
    const started = await start(broker, {
      subscriptions: { s: { destination, selector: "color = 'red: dark'" } },
    })
    await until(() => started.delivered.length === 2)
    expect(keys(started)).toEqual(['0', '1'])
  })

  it('says what the broker has against a subscription', async ({ skip }) => {
    if (broker === undefined) return skip()
    const started = await startActivemq({
      connection: connectionTo(broker),
      subscriptions: { s: { destination: `/queue/${newName()}`, selector: 'color === 3' } },
    })
    cleanUps.push(() => started.adapter.stop())
    await until(() => started.adapter.health().detail?.includes('color === 3') === true)
    expect(started.adapter.health().status).not.toBe('ok')
  })

  it('says that name or password are wrong, and signs in with the right ones', async ({ skip }) => {
    if (broker?.controllable === undefined) return skip()
    const { username, password } = broker.account
    const subscriptions = { s: { destination: `/queue/${newName()}` } }
    const wrong = await startActivemq({
      connection: { ...connectionTo(broker), username, password: 'wrong' },
      subscriptions,
    })
    cleanUps.push(() => wrong.adapter.stop())
    await until(() =>
      /password is invalid|unable to validate user|Security Error/i.test(
        wrong.adapter.health().detail ?? '',
      ),
    )
    expect(wrong.adapter.health()).toMatchObject({ status: 'down' })
    const right = await startActivemq({
      connection: { ...connectionTo(broker), username, password },
      subscriptions,
    })
    cleanUps.push(() => right.adapter.stop())
    await until(() => right.adapter.health().status === 'ok')
  })

  it('goes on to the next address, and comes back when a broker is late', async ({ skip }) => {
    if (broker === undefined) return skip()
    const destination = `/queue/${newName()}`
    const started = await startActivemq({
      connection: { ...connectionTo(broker), urls: ['stomp://127.0.0.1:1', broker.url] },
      subscriptions: { s: { destination } },
    })
    cleanUps.push(() => started.adapter.stop())
    await send(broker, destination, [0, 1])
    await until(() => started.delivered.length === 1)
  })

  it('has a durable topic keep its messages, for one instance at a time', async ({ skip }) => {
    if (broker === undefined) return skip()
    const name = newName()
    const destination = `/topic/${name}`
    const options = {
      subscriptions: { s: { destination, durable: true } },
      slots: memorySlots(),
      instanceName: name,
    }
    const first = await start(broker, options)
    const second = await start(broker, options)
    expect(second.adapter.health().detail).toContain('stands by')
    await send(broker, destination, [0, 5])
    await until(() => first.delivered.length === 5)
    await second.adapter.stop()
    await first.adapter.stop()
    await send(broker, destination, [5, 10])
    const third = await start(broker, options)
    await until(() => third.delivered.length === 5)
    expect([...keys(first), ...keys(third)]).toEqual(numbers(0, 10))
  })

  it('has a topic that is not durable give what comes while it listens', async ({ skip }) => {
    if (broker === undefined) return skip()
    const destination = `/topic/${newName()}`
    const first = await start(broker, { subscriptions: { s: { destination } } })
    await send(broker, destination, [0, 5])
    await until(() => first.delivered.length === 5)
    await first.adapter.stop()
    await send(broker, destination, [5, 10])
    const second = await start(broker, { subscriptions: { s: { destination } } })
    await send(broker, destination, [10, 15])
    await until(() => second.delivered.length === 5)
    expect(keys(second)).toEqual(numbers(10, 15))
  })

  it(
    'leaves in such a way that Artemis counts no attempt',
    { timeout: 60_000 },
    async ({ skip }) => {
      if (broker?.kind !== 'artemis' || broker.origin !== 'maven')
        return skip('of our Artemis alone: its number of attempts is known')
      // Ten attempts, and then it would be with the dead letters.
      const destination = `/queue/${TEST_PREFIX}attempts.${Math.random().toString(36).slice(2)}`
      await send(broker, destination, [0, 3])
      for (let round = 0; round < 12; round += 1) {
        let offered = 0
        const started = await start(broker, {
          subscriptions: { s: { destination } },
          deliver: async (messages) => {
            offered += messages.length
            throw new CrossdockError('database_unavailable', 'away')
          },
        })
        await until(() => offered >= 3)
        await started.adapter.stop()
      }
      const last = await start(broker, { subscriptions: { s: { destination } } })
      await until(() => last.delivered.length === 3)
      expect(keys(last)).toEqual(numbers(0, 3))
    },
  )

  it('takes what the broker’s own producer sends', { timeout: 60_000 }, async ({ skip }) => {
    if (broker?.tools === undefined) return skip()
    const queue = newName()
    const started = await start(broker, {
      subscriptions: { s: { destination: `/queue/${queue}` } },
    })
    await broker.tools.produce(queue, '{"from":"afar"}', 3)
    await until(() => started.delivered.length === 3)
    expect(started.bodies()).toEqual(Array.from({ length: 3 }, () => '{"from":"afar"}'))
    expect(keys(started)).toEqual([undefined, undefined, undefined])
  })
})
