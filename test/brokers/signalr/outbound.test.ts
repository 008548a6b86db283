import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { startOrSkip } from '../../services/require.ts'
import { startSignalr } from '../../services/signalr.ts'
import type { SignalrService } from '../../services/signalr-service.ts'
import { outbound, type StartedSignalrOptions, startSignalrAdapter } from './started-signalr.ts'
import type { OutboundMessage, Publishing } from '../../../src/ports/outbound.ts'
import { type StartedAdapter, until } from '../started-adapter.ts'

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

type Publication = NonNullable<StartedSignalrOptions['publications']>[string]

/** The adapter with one publication, connected. */
async function open(
  publication: Publication,
  more: Partial<StartedSignalrOptions> = {},
): Promise<((message: OutboundMessage) => Promise<Publishing | undefined>) | undefined> {
  if (hub === undefined) return undefined
  const one = await startSignalrAdapter({
    connection: { url: hub.url },
    publications: { out: publication },
    ...more,
  })
  started = one
  await until(one.isConnected)
  return async (message) => {
    const [publishing] =
      (await one.adapter.publish?.('out', [message], new AbortController().signal)) ?? []
    return publishing
  }
}

it('an invoke is published when the method has ended, with what it answered', async ({ skip }) => {
  const publish = await open({ method: 'Take' })
  if (publish === undefined || hub === undefined) return skip()
  const message = outbound({ id: 7 }, { headers: { 'x-a': ['1', '2'], 'x-b': { base64: 'AA==' } } })
  const published = await publish(message)
  expect(published).toEqual({
    outcome: 'published',
    answer: expect.stringMatching(/^\{"taken":\d+\}$/) as string,
  })
  const { invoked, headers } = await hub.state()
  expect(invoked.at(-1)).toEqual({ method: 'Take', args: [{ id: 7 }, null] })
  expect(headers.at(-1)).toEqual({ 'x-a': '1, 2', 'x-b': 'AA==', 'idempotency-key': 'job-1' })
})

it('arguments are those of the publication, each in its place', async ({ skip }) => {
  const args = ['{{ payload.none }}', '{{ id }}']
  const publish = await open({ method: 'Take', args })
  if (publish === undefined || hub === undefined) return skip()
  const target = { method: 'Take', args: { 0: null, 1: ['job-1'] } }
  expect(await publish(outbound({}, { target }))).toMatchObject({ outcome: 'published' })
  expect((await hub.state()).invoked.at(-1)).toEqual({ method: 'Take', args: [null, ['job-1']] })
  const missing = { method: 'Take', args: { 1: 'job-1' } }
  expect(await publish(outbound({}, { target: missing }))).toEqual({
    outcome: 'refused',
    error: 'The template args.0 gave nothing.',
    permanent: true,
  })
})

it('bytes go out as bytes by MessagePack, text as text', async ({ skip }) => {
  if (hub === undefined) return skip()
  const connection = { url: hub.url, protocol: 'messagepack' } as const
  const publish = await open({ method: 'Take' }, { connection })
  const payload = Buffer.from([0, 1, 255])
  await publish?.(outbound({}, { payload, contentType: 'application/octet-stream' }))
  await publish?.(outbound({}, { payload: Buffer.from('ä{'), contentType: 'text/plain' }))
  const { invoked } = await hub.state()
  expect(invoked.slice(-2).map(({ args }) => args[0])).toEqual([{ base64: 'AAH/' }, 'ä{'])
})

it('bytes go out as base64 text by JSON', async ({ skip }) => {
  const publish = await open({ method: 'Take' })
  if (publish === undefined || hub === undefined) return skip()
  const payload = Buffer.from([0, 1, 255])
  await publish(outbound({}, { payload, contentType: 'application/octet-stream' }))
  expect((await hub.state()).invoked.at(-1)?.args[0]).toBe('AAH/')
})

it('a send is published when it is written', async ({ skip }) => {
  const publish = await open({ method: 'Fail', mode: 'send' })
  if (publish === undefined || hub === undefined) return skip()
  const service = hub
  expect(await publish(outbound(1, { target: { method: 'Fail' } }))).toEqual({
    outcome: 'published',
  })
  await until(async () => (await service.state()).invoked.at(-1)?.method === 'Fail')
})

it('what the hub throws is refused; a payload that is no JSON for good', async ({ skip }) => {
  const publish = await open({ method: 'Fail' })
  if (publish === undefined) return skip()
  expect(await publish(outbound(1, { target: { method: 'Fail' } }))).toMatchObject({
    outcome: 'refused',
    error: expect.stringContaining('the hub does not want it') as string,
    permanent: false,
  })
  expect(await publish(outbound(1, { target: { method: 'Nothing' } }))).toMatchObject({
    outcome: 'refused',
    permanent: false,
  })
  expect(await publish(outbound(1, { payload: Buffer.from('{no json') }))).toMatchObject({
    outcome: 'refused',
    permanent: true,
  })
})

it('a connection that breaks leaves it unconfirmed, and without one it is unsent', async ({
  skip,
}) => {
  const publish = await open({ method: 'Hang' })
  if (publish === undefined || hub === undefined) return skip()
  const service = hub
  const before = (await service.state()).invoked.length
  const publishing = publish(outbound(1, { target: { method: 'Hang' } }))
  await until(async () => (await service.state()).invoked.length > before)
  await service.accept(['nobody'])
  await service.drop()
  expect(await publishing).toMatchObject({ outcome: 'unconfirmed' })
  expect(started?.isConnected()).toBe(false)
  expect(await publish(outbound(1))).toMatchObject({ outcome: 'unsent' })
  expect(started?.adapter.health()).toMatchObject({ status: 'down' })
  await service.accept(null)
  await until(() => started?.isConnected() === true)
  expect(await publish(outbound(1))).toMatchObject({ outcome: 'published' })
})

it('a method that does not end keeps no other from its turn', async ({ skip }) => {
  const publish = await open({ method: 'Hang' }, { timeoutMs: 200 })
  if (publish === undefined || hub === undefined) return skip()
  const { connected } = await hub.state()
  expect(await publish(outbound(1, { target: { method: 'Hang' } }))).toEqual({
    outcome: 'unconfirmed',
    error: 'the hub did not answer within 200 ms',
  })
  // The hub frees what it was at with the connection.
  await until(() => started?.isConnected() === true)
  expect((await hub.state()).connected).toBe(connected + 1)
  expect(await publish(outbound(1))).toMatchObject({ outcome: 'published' })
})
