import { once } from 'node:events'
import { request as requestTls } from 'node:https'
import { createServer, type AddressInfo } from 'node:net'
import { createHmac } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { z } from 'zod'
import { httpConnectionOptions } from '../../../adapters/http/connection-options.ts'
import { httpAdapter } from '../../../adapters/http/index.ts'
import { httpSubscriptionOptions } from '../../../adapters/http/options.ts'
import type { InboundMessage } from '../../../src/domain/message.ts'
import { createHttpServer } from '../../../src/http/server.ts'
import { silentLog } from '../../../src/observe/log.ts'
import type { Flow } from '../../../src/ports/flow.ts'
import { OPEN_FLOW } from '../../../src/ports/flow.ts'
import { makeAuthority } from '../../services/certificates.ts'
import { post, send } from './started-server.ts'
import { adapterTools } from '../../services/adapter-tools.ts'

type Subscription = z.input<typeof httpSubscriptionOptions> & {
  readonly name: string
  readonly contentType?: 'json' | 'text' | 'binary'
  readonly flow?: Flow
}

async function startPort(
  subscriptions: readonly Subscription[],
  listen: Partial<NonNullable<z.input<typeof httpConnectionOptions>['listen']>> = {},
) {
  const messages: InboundMessage[] = []
  const main = createHttpServer({
    host: '127.0.0.1',
    port: 0,
    bodyLimitBytes: 10,
    log: silentLog,
    resources: [],
  })
  const adapter = await httpAdapter.start({
    connection: {
      name: 'hooks',
      options: httpConnectionOptions.parse({ listen: { port: 0, ...listen } }),
    },
    subscriptions: subscriptions.map(
      ({ name, contentType = 'json', flow = OPEN_FLOW, ...own }) => ({
        name,
        contentType,
        flow,
        options: httpSubscriptionOptions.parse(own),
      }),
    ),
    publications: [],
    slots: { take: async () => undefined },
    instance: { name: 'test', id: 'test-1' },
    connected: () => undefined,
    failed: () => undefined,
    ...adapterTools({
      deliver: async (batch) => {
        messages.push(...batch)
        return batch.map(() => ({ outcome: 'stored', jobId: 'job-1' }))
      },
    }),
    http: main.host,
    jobs: { untilEnded: async () => ({ ended: true, status: 'completed', job: { id: 'job-1' } }) },
    log: silentLog,
  })
  onTestFinished(() => adapter.stop())
  return { url: adapter.health().detail ?? '', adapter, messages }
}

describe('a port of its own', () => {
  test('takes what its subscriptions take, and has nothing else', async () => {
    const { url, messages } = await startPort([{ name: 'a', path: '/in' }], { body_limit: 20 })
    expect(await post(`${url}/in`, { n: 1 })).toMatchObject({ status: 202 })
    expect(await post(`${url}/in?wait=1`, { n: 1 })).toMatchObject({ status: 200 })
    expect(await post(`${url}/in?wait=x`, { n: 1 })).toMatchObject({ status: 400 })
    const large = await post(`${url}/in`, { text: 'a'.repeat(100) })
    expect(large).toMatchObject({ status: 413 })
    expect(large.json['detail']).toContain('integrations.http.connections.hooks.listen.body_limit')
    expect(await send(`${url}/livez`)).toMatchObject({ status: 404 })
    expect(await send(`${url}/api/jobs`)).toMatchObject({ status: 404 })
    const rebound = await post(`${url}/in`, {}, { host: 'evil.example' })
    expect(rebound).toMatchObject({ status: 403, json: { code: 'unknown_host' } })
    expect(await post(`${url}/in`, {}, { origin: 'http://evil.example' })).toMatchObject({
      status: 403,
    })
    expect(messages).toHaveLength(2)
  })

  test('takes text and bytes as they are', async () => {
    const bytes = Buffer.from([0, 255, 13, 10, 0xc3])
    const { url, messages } = await startPort([
      { name: 'b', path: '/b', contentType: 'binary' },
      { name: 't', path: '/t', contentType: 'text' },
    ])
    const text = Buffer.from('Zoë \r\n')
    await send(`${url}/b`, { method: 'POST', body: bytes })
    await send(`${url}/t`, { method: 'POST', body: text })
    expect(messages.map(({ body }) => Buffer.from(body))).toEqual([bytes, text])
    const broken = await send(`${url}/t`, { method: 'POST', body: bytes })
    expect(broken).toMatchObject({ status: 400, json: { code: 'invalid_utf8' } })
  })

  test('verifies, with either secret while one is changed, and within the time alone', async () => {
    const secrets = ['the-older-secret-1', 'the-newer-secret-2']
    const { url, messages } = await startPort([
      { name: 'w', path: '/w', verify: { type: 'standard-webhooks', secrets, tolerance: '1m' } },
      { name: 'g', path: '/g', verify: { type: 'github', secrets } },
      { name: 'k', path: '/k', verify: { type: 'api_key', secrets } },
    ])
    const statuses: number[] = []
    for (const secret of [...secrets, 'a-stranger-secret']) {
      const key = `whsec_${Buffer.from(secret).toString('base64')}`
      for (const ageMs of [0, 120_000]) {
        const time = new Date(Date.now() - ageMs)
        const headers = {
          'webhook-id': 'm',
          'webhook-timestamp': String(Math.floor(time.getTime() / 1_000)),
          'webhook-signature': new Webhook(key).sign('m', time, '{}'),
        }
        statuses.push((await post(`${url}/w`, '{}', headers)).status)
      }
      const hex = createHmac('sha256', secret).update('{}').digest('hex')
      statuses.push(
        (await post(`${url}/g`, '{}', { 'x-hub-signature-256': `sha256=${hex}` })).status,
        (await post(`${url}/k`, '{}', { 'x-api-key': secret })).status,
      )
    }
    expect(statuses).toEqual([202, 401, 202, 202, 202, 401, 202, 202, 401, 401, 401, 401])
    expect(messages).toHaveLength(6)
  })

  test('that is taken is an error that names its key', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    onTestFinished(() => void other.close())
    const { port } = other.address() as AddressInfo
    await expect(startPort([{ name: 'a', path: '/in' }], { port })).rejects.toMatchObject({
      code: 'http_listen_failed',
      message: `Cannot listen on 127.0.0.1:${port}: the port is taken by another program. Set integrations.http.connections.hooks.listen.port to another one.`,
    })
  })

  test('is free again after a stop', async () => {
    const first = await startPort([{ name: 'a', path: '/in' }])
    const { port } = new URL(first.url)
    await first.adapter.stop()
    await first.adapter.stop()
    const second = await startPort([{ name: 'a', path: '/in' }], { port: Number(port) })
    expect(await post(`${second.url}/in`, {})).toMatchObject({ status: 202 })
  })

  test('serves HTTPS, and lets in those alone whom its authority knows', async () => {
    const { ca, signed } = await makeAuthority('far.example', 'client')
    const { cert = '', key = '' } = signed['far.example'] ?? {}
    const { url, messages } = await startPort([{ name: 'a', path: '/in' }], {
      tls: { cert, key, ca },
    })
    expect(url).toMatch(/^https:/)
    const status = async (own: object): Promise<number | undefined> => {
      const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
      const sent = requestTls(
        `${url}/in`,
        { method: 'POST', ca, agent: false, ...own },
        (response) => {
          response.resume()
          resolve(response.statusCode)
        },
      )
      sent.once('error', reject)
      sent.end('{}')
      return promise
    }
    expect(await status(signed['client'] ?? {})).toBe(202)
    await expect(status({})).rejects.toThrow()
    expect(messages).toHaveLength(1)
  })
})

describe('a subscription that takes nothing in now', () => {
  test.each([
    ['paused', 503, 'subscription_paused', '30'],
    ['backpressure', 503, 'subscription_full', '30'],
    // The ingest waits for it a few seconds, and answers by itself.
    ['database', 202, undefined, undefined],
  ] as const)(
    '(%s) answers %i, to those whom it knows',
    async (reason, status, code, retryAfter) => {
      const secret = '0123456789abcdef'
      const { url, messages } = await startPort([
        {
          name: 'a',
          path: '/in',
          verify: { type: 'api_key', secrets: [secret] },
          flow: { ...OPEN_FLOW, closed: () => ({ reason, retryAfterMs: 29_500 }) },
        },
      ])
      const answer = await post(`${url}/in`, {}, { 'x-api-key': secret })
      expect(answer.status).toBe(status)
      expect(answer.json['code']).toBe(code)
      expect(answer.headers.get('retry-after') ?? undefined).toBe(retryAfter)
      expect(await post(`${url}/in`, {})).toMatchObject({ status: 401 })
      expect(messages).toHaveLength(status === 202 ? 1 : 0)
    },
  )
})

test('of two paths that fit, the one that is literal where they first differ takes a request', async () => {
  const { url, messages } = await startPort([
    { name: 'any', path: '/in/:a' },
    { name: 'x', path: '/in/x' },
    { name: 'any-orders', path: '/in/:shop/orders' },
    { name: 'echo-who', path: '/in/echo/:who' },
  ])
  for (const path of ['/in/x', '/in/y', '/in/x%20', '/in/echo/orders', '/in/x/orders']) {
    expect(await post(`${url}${path}`, {})).toMatchObject({ status: 202 })
  }
  expect(messages.map(({ subscription }) => subscription)).toEqual([
    'x',
    'any',
    'any',
    'echo-who',
    'any-orders',
  ])
})
