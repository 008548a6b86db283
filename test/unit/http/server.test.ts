import { describe, expect, test } from 'vitest'
import type { Log } from '../../../src/ports/log.ts'
import type { HttpRequest } from '../../../src/ports/http-host.ts'
import { createHttpServer } from '../../../src/http/server.ts'
import { silentLog } from '../../../src/observe/log.ts'
import { memoryJobs } from './memory-jobs.ts'
import { post, send, sendRaw, startServer } from './started-server.ts'

const echo = { method: 'POST', path: '/in/:shop/x' }

describe('every error is a problem document', () => {
  test.each([
    ['an unknown address', 'GET', '/nowhere', {}, undefined, 404, 'not_found'],
    ['a list, which comes later', 'GET', '/api/jobs?limit=1', {}, undefined, 404, 'not_found'],
    ['statistics, which come later', 'GET', '/api/jobs/stats', {}, undefined, 404, 'not_found'],
    [
      'cancelling, which comes later',
      'POST',
      '/api/jobs/x/cancel',
      {},
      undefined,
      404,
      'not_found',
    ],
    ['a method it lacks', 'PUT', '/api/jobs', {}, undefined, 405, 'method_not_allowed'],
    [
      'text',
      'POST',
      '/api/jobs',
      { 'content-type': 'text/plain' },
      '{}',
      415,
      'unsupported_media_type',
    ],
    ['no media type', 'POST', '/api/jobs', {}, '{}', 415, 'unsupported_media_type'],
    [
      'a broken media type',
      'POST',
      '/api/jobs',
      { 'content-type': '/' },
      '{}',
      415,
      'unsupported_media_type',
    ],
    [
      'malformed JSON',
      'POST',
      '/api/jobs',
      { 'content-type': 'application/json' },
      '{',
      400,
      'malformed_json',
    ],
    [
      'an empty body',
      'POST',
      '/api/jobs',
      { 'content-type': 'application/json' },
      '',
      400,
      'empty_body',
    ],
    [
      'a byte that is no UTF-8',
      'POST',
      '/api/jobs',
      { 'content-type': 'application/json' },
      Buffer.from([0x22, 0xff, 0x22]),
      400,
      'invalid_utf8',
    ],
    [
      'a packed body',
      'POST',
      '/api/jobs',
      { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      '{}',
      415,
      'unsupported_media_type',
    ],
    [
      'a large body',
      'POST',
      '/api/jobs',
      { 'content-type': 'application/json' },
      `"${'x'.repeat(999)}"`,
      413,
      'payload_too_large',
    ],
  ] as const)('%s', async (_name, method, path, headers, body, status, code) => {
    const { url } = await startServer({ resources: [memoryJobs().resource] })
    const answer = await send(url + path, { method, headers, ...(body !== undefined && { body }) })
    expect(answer.json).toMatchObject({ status, code })
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    if (status === 405) expect(answer.headers.get('allow')).toBe('POST')
  })

  test('a body of many times the limit, sent without its length', async () => {
    const { url } = await startServer({ resources: [memoryJobs().resource] })
    const answer = await send(`${url}/api/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
      body: Buffer.alloc(20_000_000, 'x'),
    })
    expect(answer.status).toBe(413)
  })

  test('what is no HTTP at all', async () => {
    const { port } = await startServer({})
    expect(await sendRaw(port, 'hello\r\n\r\n')).toMatch(/^HTTP\/1.1 400 [^]*"code":"bad_request"/)
    const large = `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`
    expect(await sendRaw(port, large)).toMatch(/^HTTP\/1.1 431 [^]*"code":"headers_too_large"/)
  })

  test('a route that throws is 500, logged, and shows nothing of the error', async () => {
    const errors: object[] = []
    const log: Log = { ...silentLog, error: (fields) => errors.push(fields) }
    const failure = new Error('secret of the driver')
    const { url } = await startServer({
      log,
      routes: (host) => host.route({ ...echo, handle: () => Promise.reject(failure) }),
    })
    const answer = await post(`${url}/in/a/x`, {})
    expect(answer.json).toMatchObject({ status: 500, code: 'internal_error' })
    expect(answer.text).not.toContain('secret')
    expect(errors).toMatchObject([{ error: failure, path: '/in/a/x' }])
  })
})

describe('routes of adapters', () => {
  test('get the request as it was sent', async () => {
    const requests: HttpRequest[] = []
    const { url } = await startServer({
      routes: (host) =>
        host.route({
          ...echo,
          handle: async (request) => {
            requests.push(request)
            return { status: 202, headers: { location: '/l' }, body: { ok: true } }
          },
        }),
    })
    const answer = await send(`${url}/in/a%20b/x?p=1&p=2&q`, {
      method: 'POST',
      headers: { 'X-One': ['1', '2'], 'content-type': 'image/png' },
      body: Uint8Array.of(0, 255),
    })
    expect(answer.status).toBe(202)
    expect(answer.headers.get('location')).toBe('/l')
    expect(requests).toMatchObject([
      {
        method: 'POST',
        path: '/in/a%20b/x',
        params: { shop: 'a b' },
        query: { p: ['1', '2'], q: '' },
        queryText: 'p=1&p=2&q',
      },
    ])
    expect(requests[0]?.rawHeaders.filter((text) => text === 'X-One')).toHaveLength(2)
    expect(Buffer.from(requests[0]?.body ?? [])).toEqual(Buffer.from([0, 255]))
  })

  test('a HEAD does not call a GET', async () => {
    let called = 0
    const { url } = await startServer({
      routes: (host) =>
        host.route({
          method: 'GET',
          path: '/in/get',
          handle: async () => {
            called++
            return { status: 202 }
          },
        }),
    })
    expect((await send(`${url}/in/get`, { method: 'HEAD' })).status).toBe(405)
    expect(called).toBe(0)
  })

  test.each(['/api/x', '/health', '/status', '/metrics', '/openapi.json'])(
    'cannot have the reserved path %s',
    (path) => {
      const { host } = createHttpServer({
        host: '127.0.0.1',
        port: 0,
        bodyLimitBytes: 1,
        log: silentLog,
        resources: [],
      })
      const handle = async () => ({ status: 200 })
      expect(() => host.route({ method: 'POST', path, handle })).toThrow(/reserved/)
    },
  )

  test('cannot be two of one path, and cannot come late', async () => {
    const handle = async () => ({ status: 200 })
    const server = await startServer({
      routes: (host) => {
        host.route({ ...echo, handle })
        expect(() => host.route({ method: 'POST', path: '/in/:other/x', handle })).toThrow(/Two/)
      },
    })
    expect(() => server.host.route({ method: 'POST', path: '/late', handle })).toThrow(/after/)
  })
})

describe('a web page cannot reach a server on loopback', () => {
  test.each([
    ['localhost:1', 200],
    ['127.0.0.1', 200],
    ['[::1]:8080', 200],
    ['LOCALHOST.', 200],
    ['evil.example', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1.evil.example:80', 403],
  ])('host %s', async (host, status) => {
    const { url } = await startServer({
      resources: [[{ method: 'GET', path: '/livez', handle: async () => ({ status: 200 }) }]],
    })
    const answer = await send(`${url}/livez`, { headers: { host } })
    expect(answer.status).toBe(status)
    if (status === 403) expect(answer.json['code']).toBe('unknown_host')
  })

  test('a request that names no host', async () => {
    const { port } = await startServer({})
    expect(await sendRaw(port, 'GET /livez HTTP/1.0\r\n\r\n')).toContain('"code":"unknown_host"')
  })

  test('a name can be allowed', async () => {
    const { url } = await startServer({
      allowedHosts: ['dock.example'],
      resources: [[{ method: 'GET', path: '/livez', handle: async () => ({ status: 200 }) }]],
    })
    expect((await send(`${url}/livez`, { headers: { host: 'dock.example:99' } })).status).toBe(200)
    expect((await send(`${url}/livez`, { headers: { host: 'other.example' } })).status).toBe(403)
  })

  test.each([
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ 'sec-fetch-site': 'same-site' }, 403],
    [{ 'sec-fetch-site': 'same-origin', origin: 'https://outside.example' }, 202],
    [{ origin: 'http://evil.example' }, 403],
    [{ origin: 'null' }, 403],
    [{ origin: 'http://localhost:1', host: 'localhost:1' }, 202],
    [{}, 202],
  ])('a request with %o', async (headers, status) => {
    const { url } = await startServer({ resources: [memoryJobs().resource] })
    const answer = await post(`${url}/api/jobs`, { handler: 'h' }, headers)
    expect(answer.status).toBe(status)
  })
})

test('a taken port is an error that says what to do', async () => {
  const { port } = await startServer({})
  const second = createHttpServer({
    host: 'localhost',
    port,
    bodyLimitBytes: 1,
    log: silentLog,
    resources: [],
  })
  await expect(second.listen()).rejects.toMatchObject({
    code: 'http_listen_failed',
    details: { port, reason: 'EADDRINUSE' },
  })
  await second.close({ graceMs: 0 })
})
