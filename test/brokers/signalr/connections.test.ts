import { createServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { signalrAdapter } from '../../../adapters/signalr/index.ts'
import { signalrConnectionOptions } from '../../../adapters/signalr/options/connection.ts'
import { freePort } from '../../services/free-port.ts'
import { startOrSkip } from '../../services/require.ts'
import { silenceable } from '../../services/silenceable.ts'
import { startSignalr } from '../../services/signalr.ts'
import type { SignalrService } from '../../services/signalr-service.ts'
import { memorySlots, type StartedAdapter, until } from '../started-adapter.ts'
import { type StartedSignalrOptions, startSignalrAdapter } from './started-signalr.ts'

let hub: SignalrService | undefined
let started: StartedAdapter[] = []

beforeAll(async () => {
  hub = await startOrSkip('signalr', () => startSignalr({ stateful: true }))
})

afterEach(async () => {
  await Promise.all(started.map(({ adapter }) => adapter.stop()))
  started = []
  await hub?.accept(null)
})

afterAll(async () => {
  await hub?.stop()
})

const JOIN = [{ method: 'Join', args: ['room'] }]
const SUBSCRIPTIONS = { orders: { event: 'ordered' } }

async function start(
  connection: StartedSignalrOptions['connection'],
  more: Partial<StartedSignalrOptions> = {},
): Promise<StartedAdapter> {
  const one = await startSignalrAdapter({ subscriptions: SUBSCRIPTIONS, ...more, connection })
  started.push(one)
  return one
}

const isUp = (one: StartedAdapter) => (): boolean => one.adapter.health().status === 'ok'

describe('a connection to a hub', () => {
  it.for(['websockets', 'server_sent_events', 'long_polling'] as const)(
    'takes events and answers by %s',
    async (transport, { skip }) => {
      if (hub === undefined) return skip()
      const one = await start({ url: hub.url, join: JOIN, transport })
      await until(isUp(one))
      expect(await hub.invoke({ event: 'ordered', args: [1] })).toEqual({ result: 'job 0' })
      await hub.send({ event: 'ordered', args: [2] })
      await until(() => one.delivered.length === 2)
    },
  )

  it('is made again after a break, with its calls of join, and keeps nothing it missed', async ({
    skip,
  }) => {
    if (hub === undefined) return skip()
    const service = hub
    const one = await start({ url: hub.url, join: JOIN, stateful_reconnect: false })
    await until(isUp(one))
    const before = (await service.state()).invoked.length
    await service.drop()
    await until(async () => (await service.state()).invoked.length > before)
    expect((await service.state()).invoked.at(-1)).toEqual({ method: 'Join', args: ['room'] })
    expect(await service.invoke({ event: 'ordered', args: [1] })).toEqual({ result: 'job 0' })
  })

  it('is made again after the goodbye of the hub, whatever the hub says of that', async ({
    skip,
  }) => {
    if (hub === undefined) return skip()
    const service = hub
    const one = await start({ url: hub.url, join: JOIN })
    for (const allow of [true, false]) {
      await until(isUp(one))
      const { connected } = await service.state()
      await service.close({ error: 'too many clients', allow_reconnect: allow })
      await until(async () => (await service.state()).connected > connected)
    }
    await until(isUp(one))
  })

  it('goes on where it broke, where the hub offers that: no event is missed', async ({ skip }) => {
    if (hub === undefined) return skip()
    const service = hub
    const one = await start({ url: hub.url, join: JOIN })
    await until(isUp(one))
    const { connected, invoked } = await service.state()
    for (let round = 0; round < 3; round += 1) {
      await service.send({ event: 'ordered', args: [`before ${round}`] })
      await service.send({ event: 'ordered', args: [`after ${round}`], times: 50, cut: true })
      await until(() => one.delivered.length === 51 * (round + 1))
    }
    expect(one.bodies().slice(-51)).toEqual([
      '"before 2"',
      ...Array.from({ length: 50 }, () => '"after 2"'),
    ])
    const after = await service.state()
    expect({ connected: after.connected, calls: after.invoked.length }).toEqual({
      connected,
      calls: invoked.length,
    })
  })

  it('waits for a hub that is not there at the start, and for one that starts again', async ({
    skip,
  }) => {
    const own = await startOrSkip('signalr', () => startSignalr())
    if (own?.controllable !== true) return skip()
    await own.kill()
    const one = await start({ url: own.url, join: JOIN })
    await until(() => one.adapter.health().detail?.startsWith('nobody listens there') === true)
    expect(one.adapter.health().status).toBe('down')
    for (let round = 0; round < 2; round += 1) {
      await own.restart()
      await until(isUp(one))
      expect(await own.invoke({ event: 'ordered', args: [1] })).toEqual({ result: 'job 0' })
    }
    await own.stop()
  })

  it('is not there while the hub refuses a call of join', async ({ skip }) => {
    if (hub === undefined) return skip()
    const one = await start({ url: hub.url, join: [{ method: 'Join', args: ['nobody'] }] })
    await until(() => one.adapter.health().detail?.includes('refuses Join') === true)
    expect(one.adapter.health()).toEqual({
      status: 'down',
      detail: 'the hub refuses Join: nobody may join this room',
    })
  })

  it('gives up on a hub that says nothing, and stops at once meanwhile', async ({ skip }) => {
    if (hub === undefined) return skip()
    const silent = createTcpServer(() => undefined)
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    const url = `http://127.0.0.1:${port}/hub`
    const one = await start({ url, connect_timeout: '150ms' })
    await until(() => one.adapter.health().detail === 'the hub did not answer within 150 ms')
    await one.adapter.stop()
    silent.close()
  })

  it('is left when the hub falls silent, and made anew', async ({ skip }) => {
    if (hub === undefined) return skip()
    const way = await silenceable(new URL(hub.url))
    const one = await start({
      url: way.url,
      join: JOIN,
      server_timeout: '1s',
      connect_timeout: '500ms',
    })
    await until(isUp(one))
    way.silence()
    await until(() => one.adapter.health().status === 'down')
    way.speak()
    await until(isUp(one))
    await way.close()
  })

  it('belongs to one instance; another one takes it over', async ({ skip }) => {
    if (hub === undefined) return skip()
    const slots = memorySlots()
    const first = await start({ url: hub.url, join: JOIN }, { slots })
    await until(isUp(first))
    const { connected } = await hub.state()
    const second = await start({ url: hub.url, join: JOIN }, { slots })
    await until(() => second.adapter.health().detail?.startsWith('stands by') === true)
    expect((await hub.state()).connected).toBe(connected)
    await first.adapter.stop()
    await until(() => second.adapter.health().detail?.startsWith('stands by') === false)
    await until(isUp(second))
    await hub.send({ event: 'ordered', args: [1] })
    await until(() => second.delivered.length === 1)
    expect(first.delivered).toHaveLength(0)
    // Lost to somebody else, and free again by then.
    const before = (await hub.state()).connected
    const service = hub
    slots.steal()
    await until(async () => (await service.state()).connected > before)
    await until(isUp(second))
  })
})

describe('access tokens', () => {
  it('that stay are shown to the hub', async ({ skip }) => {
    if (hub === undefined) return skip()
    await hub.accept(['good'])
    const bad = await start({ url: hub.url, access_token: 'bad' })
    await until(
      () =>
        bad.adapter.health().detail?.startsWith('the hub does not take our access token') === true,
    )
    const good = await start({ url: hub.url, access_token: 'good' })
    await until(isUp(good))
  })

  it('are got from an address for each connection, and shared while they are good', async ({
    skip,
  }) => {
    if (hub === undefined) return skip()
    const service = hub
    let given = 0
    let life = 0
    const asked: string[] = []
    const source = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString()))
      request.on('end', () => {
        asked.push(`${request.method ?? ''} ${body}`)
        given += 1
        response.end(JSON.stringify({ access_token: `token-${given}`, expires_in: life }))
      })
    })
    await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve))
    const { port } = source.address() as AddressInfo
    await service.accept(['token-1', 'token-3', 'token-4'])
    const one = await start({
      url: service.url,
      stateful_reconnect: false,
      access_token: {
        url: `http://127.0.0.1:${port}/token`,
        form: { grant_type: 'client_credentials', client_secret: 's & t' },
      },
    })
    await until(isUp(one))
    expect(asked).toEqual(['POST grant_type=client_credentials&client_secret=s+%26+t'])
    // The second one is refused by the hub, so a third one is got.
    let { connected } = await service.state()
    life = 3_600
    await service.drop()
    await until(async () => (await service.state()).connected > connected)
    expect((await service.state()).tokens.slice(-3)).toEqual(['token-1', 'token-2', 'token-3'])
    // And the third one is good for an hour.
    await until(isUp(one))
    ;({ connected } = await service.state())
    await service.drop()
    await until(async () => (await service.state()).connected > connected)
    expect((await service.state()).tokens.at(-1)).toBe('token-3')
    source.close()
  })

  it('that cannot be got are told where people look, without a secret', async ({ skip }) => {
    if (hub === undefined) return skip()
    const url = `http://127.0.0.1:${await freePort()}/token?secret=hidden`
    const one = await start({ url: hub.url, access_token: { url } })
    await until(() => one.adapter.health().detail?.includes('no access token') === true)
    expect(one.adapter.health().detail).toContain('nobody listens there')
    expect(one.adapter.health().detail).not.toContain('hidden')
  })
})

describe('trying a connection', () => {
  const probe = async (url: string): Promise<unknown> =>
    await signalrAdapter.probe?.(
      signalrConnectionOptions.parse({ url, join: JOIN }),
      new AbortController().signal,
    )

  it('says what is there, and calls nothing', async ({ skip }) => {
    if (hub === undefined) return skip()
    const before = (await hub.state()).invoked.length
    expect(await probe(hub.url)).toEqual({
      facts: 'a SignalR hub, by json',
      notes: ['the calls of join were not tried'],
    })
    expect((await hub.state()).invoked).toHaveLength(before)
    await expect(probe(`${hub.url}-not`)).rejects.toThrow('there is no hub at this address')
  })
})
