import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { activemqAdapter } from '../../../adapters/activemq/index.ts'
import { activemqConnectionOptions } from '../../../adapters/activemq/options/connection.ts'
import { createLog } from '../../../src/observe/log.ts'
import { makeAuthority } from '../../services/certificates.ts'
import { startOrSkip } from '../../services/require.ts'
import type { StompBroker } from '../../services/stomp-broker.ts'
import { until } from '../started-adapter.ts'
import { BROKERS } from './brokers.ts'
import {
  connectionTo,
  newName,
  outbound,
  startActivemq,
  type StartedActivemqOptions,
} from './started-activemq.ts'

const TRANSPORTS = ['tlsUrl', 'webSocketUrl', 'tlsWebSocketUrl'] as const
const SIGNAL = new AbortController().signal

describe.each(BROKERS)('ActiveMQ %s', (_name, service, open) => {
  let broker: StompBroker | undefined
  let cleanUps: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    broker = await startOrSkip(service, open)
  }, 120_000)

  afterEach(async () => {
    for (const cleanUp of cleanUps.toReversed()) await cleanUp()
    cleanUps = []
  })

  /** Our certificate, and the authority that both sides trust. */
  function tlsOf(given: StompBroker): NonNullable<StartedActivemqOptions['connection']['tls']> {
    const { cert, key } = given.authority?.signed['client'] ?? { cert: '', key: '' }
    return { ca: given.authority?.ca, cert, key }
  }

  it.each(TRANSPORTS)('is met at its %s, both ways', async (transport) => {
    const url = broker?.[transport]
    if (broker === undefined || url === undefined) return
    const { username, password } = broker.account
    let logged = ''
    const destination = `/queue/${newName()}`
    const started = await startActivemq({
      connection: { urls: url, broker: broker.kind, username, password, tls: tlsOf(broker) },
      subscriptions: { s: { destination } },
      publications: { p: { destination } },
      log: createLog({
        level: 'debug',
        format: 'json',
        destination: { write: (line) => (logged += line) },
      }),
    })
    cleanUps.push(() => started.adapter.stop())
    await until(() => started.adapter.health().status === 'ok')
    // Over WebSocket the brokers take 64 KB in one frame, unless they are told otherwise.
    const length = transport === 'tlsUrl' ? 200_000 : 50_000
    const body = Buffer.from(Array.from({ length }, (_, n) => n % 256))
    const headers = { note: 'ä: "one"\ntwo' }
    const message = outbound('m', { payload: body, contentType: 'application/octet-stream' })
    const [bytes, text] =
      (await started.adapter.publish?.('p', [message, outbound('t', { headers })], SIGNAL)) ?? []
    expect(text).toEqual({ outcome: 'published' })
    if (broker.kind === 'classic' && transport !== 'tlsUrl') {
      expect(bytes).toMatchObject({ outcome: 'refused' })
      expect(JSON.stringify(bytes)).toContain('takes no bytes over WebSocket')
      await until(() => started.delivered.length === 1)
    } else {
      expect(bytes).toEqual({ outcome: 'published' })
      await until(() => started.delivered.length === 2)
      expect(Buffer.from(started.delivered[0]?.body ?? [])).toEqual(body)
    }
    expect(started.delivered.at(-1)).toMatchObject({ identity: 't', headers })
    expect(logged).not.toContain(password)
  })

  it('says that a frame is too large for its WebSocket', async ({ skip }) => {
    if (broker?.webSocketUrl === undefined) return skip()
    const started = await startActivemq({
      connection: { urls: broker.webSocketUrl, broker: broker.kind },
      publications: { p: { destination: `/queue/${newName()}` } },
    })
    cleanUps.push(() => started.adapter.stop())
    await until(() => started.isConnected())
    const large = outbound('m', { payload: Buffer.alloc(300_000, 'x') })
    const [outcome] = (await started.adapter.publish?.('p', [large], SIGNAL)) ?? []
    expect(outcome?.outcome).not.toBe('published')
    if (broker.kind === 'classic') expect(JSON.stringify(outcome)).toContain('code 1009')
  })

  it('is not trusted with a certificate of somebody else', async ({ skip }) => {
    if (broker?.tlsUrl === undefined) return skip()
    const stranger = await makeAuthority('client')
    for (const urls of [broker.tlsUrl, broker.tlsWebSocketUrl ?? '']) {
      const started = await startActivemq({
        connection: { urls, broker: broker.kind, tls: { ca: stranger.ca } },
        subscriptions: { s: { destination: `/queue/${newName()}` } },
      })
      cleanUps.push(() => started.adapter.stop())
      await until(() => /certificate|signature/i.test(started.adapter.health().detail ?? ''))
      expect(started.adapter.health().status).toBe('down')
    }
  })

  it('is found by check --connect, and what is wrong is said', async ({ skip }) => {
    if (broker === undefined) return skip()
    const probe = (urls: string | string[], kind = broker?.kind) =>
      activemqAdapter.probe?.(activemqConnectionOptions.parse({ urls, broker: kind }), SIGNAL)
    const nowhere = 'stomp://127.0.0.1:1'
    const found = await probe([nowhere, broker.url])
    expect(found?.facts).toMatch(/^ActiveMQ.* at stomp:\/\/127\.0\.0\.1:\d+$/)
    expect(found?.notes?.join()).toContain('ECONNREFUSED')
    const other = broker.kind === 'classic' ? 'artemis' : 'classic'
    expect((await probe(broker.url, other))?.notes?.join()).toContain('set broker accordingly')
    await expect(probe(nowhere)).rejects.toThrow('ECONNREFUSED')
  })

  it('ends at once what cannot even begin', async ({ skip }) => {
    if (broker?.tlsUrl === undefined) return skip()
    const tls = { cert: '-----BEGIN NONSENSE', key: '-----BEGIN NONSENSE' }
    const started = await startActivemq({
      connection: { ...connectionTo({ kind: broker.kind, url: broker.tlsUrl }), tls },
      subscriptions: { s: { destination: `/queue/${newName()}` } },
    })
    await until(() => /PEM|DECODER|unsupported/i.test(started.adapter.health().detail ?? ''))
    await started.adapter.stop()
    await started.adapter.stop()
  })
})
