import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { z } from 'zod'
import { mqttAdapter } from '../../../adapters/mqtt/index.ts'
import { mqttConnectionOptions } from '../../../adapters/mqtt/options/connection.ts'
import type { ProbeFindings } from '../../../src/ports/probe.ts'
import { type Authority, makeAuthority } from '../../services/certificates.ts'
import { freePort } from '../../services/free-port.ts'
import type { MosquittoService } from '../../services/mosquitto-service.ts'
import { startMosquitto } from '../../services/mosquitto.ts'
import { startOrSkip } from '../../services/require.ts'
import { until } from '../started-adapter.ts'
import { connectClient } from './started-mqtt.ts'

const NEVER = new AbortController().signal

let broker: MosquittoService | undefined
let guarded: MosquittoService | undefined
let ours: Authority
let foreign: Authority

beforeAll(async () => {
  ours = await makeAuthority('server', 'client')
  foreign = await makeAuthority('client')
  const { ca, signed } = ours
  const { cert = '', key = '' } = signed['server'] ?? {}
  // It says each second who is there.
  const settings = ['sys_interval 1', 'max_packet_size 100000']
  broker = await startOrSkip('mosquitto', () =>
    startMosquitto({ tls: { ca, cert, key }, settings }),
  )
  guarded = await startOrSkip('mosquitto', () =>
    startMosquitto({ settings: ['allow_anonymous false'] }),
  )
})

afterAll(async () => {
  await broker?.stop()
  await guarded?.stop()
})

async function probe(
  connection: z.input<typeof mqttConnectionOptions>,
  signal = NEVER,
): Promise<ProbeFindings | undefined> {
  return await mqttAdapter.probe?.(mqttConnectionOptions.parse(connection), signal)
}

async function trouble(connection: z.input<typeof mqttConnectionOptions>): Promise<string> {
  return await probe(connection).then(
    () => 'none',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
}

describe('a connection that is tried', () => {
  it('is found, with what the broker cannot do, and leaves no client behind', async ({ skip }) => {
    if (broker?.controllable !== true) return skip()
    const { url } = broker
    expect(await probe({ url })).toEqual({
      facts: `MQTT 5 at ${url}`,
      notes: ['takes packets of 100000 bytes'],
    })
    expect(await probe({ url, version: '3.1.1' })).toEqual({
      facts: `MQTT 3.1.1 at ${url}`,
      notes: [],
    })
    const watcher = await connectClient(url)
    onTestFinished(() => watcher.endAsync())
    const counts = new Map<string, string>()
    watcher.on('message', (topic, payload) => counts.set(topic, String(payload)))
    await watcher.subscribeAsync('$SYS/broker/clients/#', { qos: 0 })
    // The watcher alone: sessions are clients as well, until they are forgotten.
    await until(() => counts.get('$SYS/broker/clients/total') === '1')
    await until(() => counts.get('$SYS/broker/clients/disconnected') === '0')
  })

  it('is found with the certificates that it needs', async ({ skip }) => {
    const url = broker?.tlsUrl
    if (url === undefined) return skip()
    const { ca, signed } = ours
    expect(await probe({ url, tls: { ca, ...signed['client'] } })).toMatchObject({
      facts: `MQTT 5 at ${url}`,
    })
  })

  it('is found where one of its addresses answers, and the others are told', async ({ skip }) => {
    if (broker === undefined) return skip()
    const nobody = `mqtt://127.0.0.1:${await freePort()}`
    const found = await probe({ url: [nobody, broker.url], version: '3.1.1' })
    expect(found?.facts).toBe(`MQTT 3.1.1 at ${broker.url}`)
    expect(found?.notes).toEqual([expect.stringContaining(`${nobody}: nobody listens there`)])
  })

  it.each([
    [
      'where nobody listens',
      async () => ({ url: `mqtt://127.0.0.1:${await freePort()}` }),
      /^mqtt:\S+: nobody listens there: look at host and port.*ECONNREFUSED/,
    ],
    [
      'of a host that does not exist',
      async () => ({ url: 'mqtt://broker.invalid:1883' }),
      /^mqtt:\S+: (there is no such host|the name of the host could not be looked up)/,
    ],
    [
      'that needs name and password',
      async () => ({ url: guarded?.url ?? '', username: 'ada', password: 'pass-3f9a1c7e' }),
      /look at username and password, and at the rights.*\(Connection refused: Not authorized\)/,
    ],
    [
      'that needs name and password, with 3.1.1',
      async () => ({ url: guarded?.url ?? '', version: '3.1.1' as const }),
      /look at username and password/,
    ],
    [
      'whose authority is not known',
      async () => ({
        url: broker?.tlsUrl ?? '',
        tls: { ca: foreign.ca, ...ours.signed['client'] },
      }),
      /set tls\.ca to that authority/,
    ],
    [
      'that demands a certificate',
      async () => ({ url: broker?.tlsUrl ?? '', tls: { ca: ours.ca } }),
      /it demands a client certificate: set tls\.cert and tls\.key \(TLS: tlsv13 alert certificate required\)/,
    ],
    [
      'that does not know our authority',
      async () => ({
        url: broker?.tlsUrl ?? '',
        tls: { ca: ours.ca, ...foreign.signed['client'] },
      }),
      /it does not know the authority of our certificate: .* \(TLS: tlsv1 alert unknown ca\)/,
    ],
    [
      'without TLS at that port',
      async () => ({ url: broker?.url.replace('mqtt:', 'mqtts:') ?? '' }),
      /mqtts:\S+: (it broke the connection off|what answers there does not speak TLS|the broker broke)/,
    ],
    [
      'that does not answer',
      async () => {
        const silent = createServer((socket) => socket.on('error', () => undefined))
        await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
        onTestFinished(() => void silent.close())
        const { port } = silent.address() as AddressInfo
        return { url: `mqtt://127.0.0.1:${port}`, connect_timeout: 0.3 }
      },
      /the broker did not answer in time/,
    ],
  ])('says what is wrong with one %s', async (_which, connection, says) => {
    if (broker === undefined || guarded?.controllable !== true) return
    const told = await trouble(await connection())
    expect(told).toMatch(says)
    expect(told).not.toMatch(/pass-3f9a1c7e|PRIVATE KEY|routines|\n$/)
  })

  it('is let go when nobody waits any longer', async () => {
    const silent = createServer((socket) => socket.on('error', () => undefined))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as AddressInfo
    const over = new AbortController()
    const asked = probe({ url: `mqtt://127.0.0.1:${port}` }, over.signal)
    const closed = new Promise((resolve) =>
      silent.once('connection', (one) => one.once('close', resolve)),
    )
    silent.once('connection', () => {
      over.abort()
    })
    await expect(asked).rejects.toMatchObject({ code: 'connection_failed' })
    await closed
    silent.close()
  })
})
