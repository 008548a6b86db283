import type { IPublishPacket } from 'mqtt'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createLog } from '../../../src/observe/log.ts'
import { type Authority, makeAuthority } from '../../services/certificates.ts'
import type { MosquittoService } from '../../services/mosquitto-service.ts'
import { startMosquitto } from '../../services/mosquitto.ts'
import { startOrSkip } from '../../services/require.ts'
import { type StartedAdapter, until } from '../started-adapter.ts'
import { connectClient, startMqtt } from './started-mqtt.ts'
import type { StartedMqttOptions } from './started-mqtt.ts'

const PASSWORD = 'pass-3f9a1c7e'

let broker: MosquittoService | undefined
let ours: Authority
let foreign: Authority
let cleanUps: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  ours = await makeAuthority('server', 'client')
  foreign = await makeAuthority('client')
  const { cert, key } = signed(ours, 'server')
  broker = await startOrSkip('mosquitto', () => startMosquitto({ tls: { ca: ours.ca, cert, key } }))
})

afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  cleanUps = []
})

afterAll(() => broker?.stop())

function signed(authority: Authority, name: string): { cert: string; key: string } {
  const one = authority.signed[name]
  if (one === undefined) throw new Error(`no certificate of ${name}`)
  return one
}

interface Transported extends StartedAdapter {
  /** What it wrote down, whatever the level. */
  readonly logged: () => string
}

/** The adapter with one subscription and one publication, over this address. */
async function start(
  url: string,
  tls?: StartedMqttOptions['connection']['tls'],
): Promise<Transported> {
  let lines = ''
  const log = createLog({
    level: 'debug',
    format: 'json',
    destination: { write: (line) => (lines += line) },
  })
  const started = await startMqtt({
    instanceName: `t${Math.random().toString(36).slice(2)}`,
    connection: { url, username: 'ada', password: PASSWORD, ...(tls !== undefined && { tls }) },
    subscriptions: { s: { topics: ['in'] } },
    publications: { p: { topic: 'out' } },
    log,
  })
  cleanUps.push(() => started.adapter.stop())
  return { ...started, logged: () => lines }
}

function publish({ adapter }: StartedAdapter) {
  const message = {
    id: 'job-1',
    payload: Buffer.from('out we go'),
    contentType: 'text/plain',
    key: undefined,
    headers: {},
    target: { topic: 'out' },
    attempt: 1,
  }
  return adapter.publish?.('p', [message], new AbortController().signal)
}

/** One message in and one out, with another client at the broker's plain address. */
async function expectBothWays(started: Transported): Promise<void> {
  await until(() => started.isConnected() && started.adapter.health().status === 'ok')
  const other = await connectClient(broker?.url ?? '')
  cleanUps.push(() => other.endAsync())
  const packets: IPublishPacket[] = []
  other.on('message', (_topic, _payload, packet) => packets.push(packet))
  await other.subscribeAsync('out', { qos: 1 })
  await other.publishAsync('in', 'in we come', { qos: 1 })
  await until(() => started.delivered.length === 1)
  expect(started.bodies()).toEqual(['in we come'])
  expect(await publish(started)).toEqual([{ outcome: 'published' }])
  await until(() => packets.length === 1)
  expect(packets.map(({ payload }) => String(payload))).toEqual(['out we go'])
}

function expectNoSecret(text: string): void {
  expect(text).not.toContain(PASSWORD)
  expect(text).not.toContain('PRIVATE KEY')
  // The middle of the key, however its lines are broken.
  expect(text).not.toContain(signed(ours, 'client').key.split('\n')[1])
}

describe('the broker is reached', () => {
  it.each(['tlsUrl', 'tlsWebSocketUrl'] as const)(
    'with the client certificate that it demands (%s)',
    async (kind) => {
      const url = broker?.[kind]
      if (url === undefined) return
      const started = await start(url, { ca: ours.ca, ...signed(ours, 'client') })
      await expectBothWays(started)
      expectNoSecret(started.logged())
    },
  )

  it('over WebSocket', async ({ skip }) => {
    const url = broker?.webSocketUrl
    if (url === undefined) return skip()
    await expectBothWays(await start(url))
  })
})

describe('nothing is sent, and health says why', () => {
  it.each([
    [
      'a broker whose authority is not the one that was given',
      () => ({ ca: foreign.ca, ...signed(ours, 'client') }),
      /set tls\.ca to that authority \(self-signed certificate in certificate chain/,
    ],
    [
      'a broker whose authority nobody gave',
      () => signed(ours, 'client'),
      /set tls\.ca to that authority \(self-signed certificate in certificate chain/,
    ],
    [
      'a broker with another name',
      () => ({ ca: ours.ca, server_name: 'other.example', ...signed(ours, 'client') }),
      /does not match certificate/,
    ],
    [
      'a client without the certificate that is demanded',
      () => ({ ca: ours.ca }),
      /set tls\.cert and tls\.key \(TLS: tlsv13 alert certificate required\)/,
    ],
    [
      'a client with a certificate of another authority',
      () => ({ ca: ours.ca, ...signed(foreign, 'client') }),
      /does not know the authority of our certificate: .*unknown ca/,
    ],
  ])('%s', async (_which, tls, reason) => {
    for (const url of [broker?.tlsUrl, broker?.tlsWebSocketUrl]) {
      if (url === undefined) return
      const started = await start(url, tls())
      const health = () => started.adapter.health()
      // Both clients: the one that receives and the one that publishes.
      await until(() => {
        const parts = (health().detail ?? '').split('publications: ')
        return parts.length === 2 && parts.every((part) => reason.test(part))
      })
      expect(health()).toEqual({ status: 'down', detail: expect.stringMatching(reason) as string })
      expect(started.isConnected()).toBe(false)
      expect(await publish(started)).toMatchObject([{ outcome: 'unsent' }])
      // Once the connection is closed, which is after its error.
      await until(() => reason.test(started.logged()))
      expectNoSecret(started.logged() + JSON.stringify(health()))
    }
  })
})
