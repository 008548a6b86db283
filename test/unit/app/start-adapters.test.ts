import { expect, test } from 'vitest'
import { z } from 'zod'
import { superviseAdapters } from '../../../src/app/start-adapters.ts'
import type { Configuration } from '../../../src/config/configuration.ts'
import { CrossdockError } from '../../../src/domain/errors.ts'
import type { Protocol } from '../../../src/domain/job-type.ts'
import { silentLog } from '../../../src/observe/log.ts'
import type { AdapterContext, AdapterDefinition } from '../../../src/ports/adapter.ts'
import { OPEN_FLOW } from '../../../src/ports/flow.ts'
import type { HttpRequest, HttpRoute } from '../../../src/ports/http-host.ts'
import type { OutboundMessage } from '../../../src/ports/outbound.ts'
import { manualClock, settled } from '../worker/manual-clock.ts'

const away = new CrossdockError('not_available', 'the broker is away')
const taken = new CrossdockError('http_listen_failed', 'the port is taken')
const { signal } = new AbortController()

const message: OutboundMessage = {
  id: 'job-1',
  payload: new Uint8Array(),
  contentType: undefined,
  key: undefined,
  headers: {},
  target: {},
  attempt: 1,
}

test('a broker that is away stops nothing of the others', async () => {
  const { adapters, contexts } = supervise({
    start: ({ connection }) => {
      if (connection?.name === 'plant') throw away
    },
  })
  await adapters.start()
  expect(contexts.map(({ connection }) => connection?.name)).toEqual(['plant', 'office', undefined])
  expect(adapters.connections()).toMatchObject([
    { connection: 'plant', health: { status: 'down' }, lastError: 'the broker is away' },
    { connection: 'office', health: { status: 'ok' }, publications: ['alarms', 'mails'] },
    { connection: undefined, health: { status: 'ok' }, subscriptions: ['hello'] },
  ])
})

test('what the operator alone can mend stops the start, and what runs is stopped again', async () => {
  const { adapters, stopped } = supervise({
    start: ({ connection }) => {
      if (connection?.name === 'plant') throw taken
    },
  })
  await expect(adapters.start()).rejects.toBe(taken)
  expect(stopped).toEqual(['office', undefined])
})

test('what the operator alone can mend stops nothing once it has worked', async () => {
  const failing: string[] = []
  const { adapters, clock, contexts } = supervise({
    start: ({ connection }) => {
      if (failing.includes(connection?.name ?? '')) throw taken
    },
  })
  await adapters.start()
  failing.push('office')
  contexts.find(({ connection }) => connection?.name === 'office')?.failed(away)
  await clock.advance(1_000)
  expect(adapters.connections()[1]).toMatchObject({ failures: 2, lastError: 'the port is taken' })
  failing.pop()
  await clock.advance(2_000)
  expect(adapters.connections()[1]).toMatchObject({ health: { status: 'ok' }, failures: 0 })
})

test('messages go to the connection of their publication, and are counted', async () => {
  const { adapters, contexts, published } = supervise({})
  const heard: unknown[] = []
  const forget = adapters.onConnected((addresses, isConnected) =>
    heard.push([addresses, isConnected]),
  )
  await adapters.start()
  const office = contexts.find(({ connection }) => connection?.name === 'office')
  office?.connected(true)
  office?.connected(true)
  expect(heard).toEqual([[['http:alarms', 'http:mails'], true]])
  expect([adapters.isConnected('http:mails'), adapters.isConnected('http:no')]).toEqual([
    true,
    false,
  ])
  await adapters.publish('http:mails', [message], signal)
  expect(published).toEqual(['mails'])
  expect(await adapters.publish('http:no', [message], signal)).toEqual([
    { outcome: 'unsent', error: 'this instance has no publication http:no' },
  ])
  office?.failed(away)
  await adapters.publish('http:mails', [message, message], signal)
  expect(adapters.counts('http:mails')).toMatchObject({ published: 1, unsent: 2 })
  expect(heard).toHaveLength(2)
  forget()
  await adapters.stop()
  expect(heard).toHaveLength(2)
})

test('an adapter that is started again gives its routes again, and the new ones answer', async () => {
  const routes: HttpRoute[] = []
  const { adapters, clock, contexts } = supervise({
    route: (route) => routes.push(route),
    start: ({ connection, http }, attempt) => {
      if (connection !== undefined) return
      const handle = async () => ({ status: 200 + attempt })
      http.route({ method: 'POST', path: '/in/hello', handle })
    },
  })
  await adapters.start()
  const ask = () => routes[0]?.handle({} as HttpRequest)
  expect(await ask()).toEqual({ status: 203 })
  contexts.find(({ connection }) => connection === undefined)?.failed(away)
  await clock.advance(1_000)
  expect(routes).toHaveLength(1)
  expect(await ask()).toEqual({ status: 204 })
})

test('a route that one start gives twice is refused as the server refuses it', async () => {
  const seen = new Set<string>()
  const { adapters } = supervise({
    route: ({ path }) => {
      if (seen.has(path)) throw new CrossdockError('config_invalid', 'two routes are the same')
      seen.add(path)
    },
    start: ({ connection, http }) => {
      if (connection !== undefined) return
      const handle = async () => ({ status: 200 })
      for (let time = 0; time < 2; time += 1)
        http.route({ method: 'POST', path: '/in/hello', handle })
    },
  })
  await expect(adapters.start()).rejects.toMatchObject({ code: 'config_invalid' })
})

type Context = Parameters<AdapterDefinition['start']>[0]

/** An adapter with two connections, and what it is given. */
function supervise(given: {
  readonly start?: (context: Context, attempt: number) => void
  readonly route?: (route: HttpRoute) => void
}) {
  const clock = manualClock()
  const contexts: AdapterContext<unknown>[] = []
  const stopped: (string | undefined)[] = []
  const published: string[] = []
  const none = z.strictObject({})
  const definition: AdapterDefinition = {
    protocol: 'http',
    subscriptionOptions: none,
    connectionOptions: none,
    publicationOptions: none,
    templates: [],
    subscriptionConnection: 'optional',
    start: (context) => {
      contexts.push(context)
      // As it may be: a start that throws at once.
      given.start?.(context, contexts.length)
      return Promise.resolve({
        health: () => ({ status: 'ok' }),
        publish: async (publication, messages) => {
          published.push(publication)
          return messages.map(() => ({ outcome: 'published' }))
        },
        stop: async () => {
          await settled()
          stopped.push(context.connection?.name)
        },
      })
    },
  }
  const adapters = superviseAdapters({
    adapters: [definition],
    configuration: CONFIGURATION,
    flow: () => OPEN_FLOW,
    sink: { deliver: async () => [] },
    http: {
      route: given.route ?? (() => undefined),
      port: () => {
        throw new Error('no port of its own is opened here')
      },
    },
    slots: { take: async () => undefined },
    jobs: { untilEnded: async () => ({ ended: false, status: undefined }) },
    clock,
    random: () => 0,
    log: silentLog,
  })
  return { adapters, clock, contexts, stopped, published }
}

const protocol: Protocol = 'http'

const publication = (name: string, connection: string) => ({
  protocol,
  name,
  connection,
  headers: {},
  timeoutMs: 1_000,
  maxInFlight: 1,
  breaker: { failures: 5, openMs: 1_000 },
  options: {},
})

const CONFIGURATION: Pick<
  Configuration,
  'instance' | 'connections' | 'subscriptions' | 'publications'
> = {
  instance: { name: 'test', id: 'test-1' },
  connections: ['plant', 'office', 'unused'].map((name) => ({ protocol, name, options: {} })),
  publications: [
    publication('orders', 'plant'),
    publication('alarms', 'office'),
    publication('mails', 'office'),
  ],
  subscriptions: [
    { protocol: 'http', name: 'hello', handler: 'h', contentType: 'json', options: {} },
  ],
}
