import { describe, expect, test } from 'vitest'
import { toRequest } from '../../../../adapters/http/outbound/outgoing.ts'
import { pathPieces, pathProblem } from '../../../../adapters/http/outbound/path-template.ts'
import { retryAfterMs } from '../../../../adapters/http/outbound/retry-after.ts'
import { httpPublicationOptions } from '../../../../adapters/http/publication-options.ts'
import type { Json } from '../../../../src/domain/json.ts'
import type { OutboundMessage } from '../../../../src/ports/outbound.ts'
import { message } from './started-publisher.ts'

function request(
  given: Partial<OutboundMessage>,
  {
    base = 'https://far.example/v1/',
    headers = {},
    publication = {},
  }: {
    readonly base?: string
    readonly headers?: Readonly<Record<string, string>>
    readonly publication?: object
  } = {},
) {
  return toRequest(message({ target: { path: [] }, ...given }), {
    baseUrl: new URL(base),
    headers,
    options: httpPublicationOptions.parse(publication),
  })
}

function withPath(...pieces: Json[]) {
  return request({ target: { path: pieces } })
}

const literal = { literal: '/orders/' }

describe('the path of a message', () => {
  test('is taken apart into what is written and what comes from messages', () => {
    expect(pathPieces('/a/{{ payload.id }}-{{ {"a":{"b":"}}"}}.a.b }}/c')).toEqual([
      { literal: '/a/' },
      { value: '{{ payload.id }}' },
      { literal: '-' },
      { value: '{{ {"a":{"b":"}}"}}.a.b }}' },
      { literal: '/c' },
    ])
  })

  test.each([
    ['7', '/v1/orders/7'],
    [7, '/v1/orders/7'],
    ['a/b', '/v1/orders/a%2Fb'],
    ['../../admin', '/v1/orders/..%2F..%2Fadmin'],
    ['?a=b#c', '/v1/orders/%3Fa%3Db%23c'],
    ['//evil.example/', '/v1/orders/%2F%2Fevil.example%2F'],
    ['\r\nhost: evil', '/v1/orders/%0D%0Ahost%3A%20evil'],
    ['\\..\\', '/v1/orders/%5C..%5C'],
    ['%2e%2e', '/v1/orders/%252e%252e'],
    ['Zoë', '/v1/orders/Zo%C3%AB'],
    ['@evil.example', '/v1/orders/%40evil.example'],
  ])('holds the value %j as one part', (value, path) => {
    expect(withPath(literal, { value })).toMatchObject({ ok: true, request: { path } })
  })

  test.each([['..'], ['.'], [''], [null], [['a', 'b']], [{ a: 1 }], ['\ud800']])(
    'is none with the value %j',
    (value) => {
      expect(withPath(literal, { value })).toMatchObject({ ok: false })
    },
  )

  test('is none where a template gave nothing at all, or values make dots together', () => {
    expect(withPath(literal, {})).toMatchObject({ ok: false })
    expect(withPath(literal, { value: '.' }, { value: '.' })).toMatchObject({ ok: false })
  })

  test('is that of base_url where the publication has none', () => {
    expect(withPath()).toMatchObject({ request: { path: '/v1/' } })
    expect(request({}, { base: 'https://far.example' })).toMatchObject({ request: { path: '/' } })
  })

  test.each([
    'orders',
    'https://evil.example/',
    '//evil.example/',
    '/a//b',
    '/a/../b',
    '/a/%2e%2e/b',
    '/a?b=c',
    '/a b',
    '/a\\b',
    '/a#b',
    '/100%',
    '/a/{{ payload.id',
    '/a/{{ }}',
  ])('cannot be configured as %s', (path) => {
    expect(pathProblem(path)).toBeDefined()
  })

  test.each(['', '/', '/a', '/a/{{ payload.id }}', '/a.b/%20/{{x}}{{y}}', '/a/'])(
    'can be configured as %j',
    (path) => {
      expect(pathProblem(path)).toBeUndefined()
    },
  )
})

test('the query is encoded, repeated for lists, and left out for null', () => {
  const query = { 'a b': 'x&y=z', n: 1, list: ['1', '/2'], none: null, empty: '' }
  expect(request({ target: { query } })).toMatchObject({
    request: { path: '/v1/?a%20b=x%26y%3Dz&n=1&list=1&list=%2F2&empty=' },
  })
  expect(request({ target: { query: { a: { b: 1 } } } })).toMatchObject({ ok: false })
})

describe('the headers of a message', () => {
  test('are those of the message, without what is about a connection, and under those of the connection', () => {
    const sent = request(
      {
        headers: {
          'X-Shop': 'paris',
          'X-Many': ['a', 'b'],
          'X-Bytes': { base64: Buffer.from([0xe9]).toString('base64') },
          'X-Fixed': 'forged',
          Host: 'evil.example',
          'Content-Length': '0',
          'transfer-encoding': 'chunked',
          Connection: 'close',
          'Idempotency-Key': 'forged',
          'content-type': 'text/html',
        },
      },
      { headers: { 'x-fixed': 'ours' } },
    )
    expect(sent).toMatchObject({
      request: {
        headers: {
          'user-agent': 'crossdock',
          'x-shop': 'paris',
          'x-many': ['a', 'b'],
          'x-bytes': '\xe9',
          'x-fixed': 'ours',
          'idempotency-key': 'job-1',
          'content-type': 'application/json',
        },
      },
    })
    expect(sent.ok && Object.keys(sent.request.headers)).not.toContain('host')
  })

  test.each([
    [{ 'x-a': 'a\r\nx-b: c' }],
    [{ 'x-a': ['a', 'b\nc'] }],
    [{ 'x-a': 'a\0b' }],
    [{ 'x a': 'b' }],
    [{ 'x-a:': 'b' }],
    [{ 'x-a': { base64: btoa('a\r\nb') } }],
  ])('%j refuse it for good', (headers) => {
    expect(request({ headers })).toMatchObject({ ok: false })
  })

  test('take no content type that would end a header', () => {
    expect(request({ contentType: 'text/plain\r\nx: y' })).toMatchObject({ ok: false })
  })
})

describe('the body of a message', () => {
  const bytes = (sent: ReturnType<typeof request>) =>
    sent.ok && sent.request.body !== undefined ? Buffer.from(sent.request.body) : undefined

  test('is the payload byte for byte', () => {
    const payload = Buffer.from([0, 255, 13, 10, 128])
    const sent = request({ payload, contentType: undefined })
    expect(bytes(sent)).toEqual(payload)
    expect(sent.ok && 'content-type' in sent.request.headers).toBe(false)
  })

  test('is text or JSON where the publication has its own, and not packed as the payload was', () => {
    const publication = { body: 'x' }
    const headers = { 'content-encoding': 'gzip' }
    const text = request({ headers, target: { body: 'Zoë' } }, { publication })
    expect([bytes(text)?.toString(), text]).toMatchObject([
      'Zoë',
      { request: { headers: { 'content-type': 'text/plain; charset=utf-8' } } },
    ])
    expect(text.ok && 'content-encoding' in text.request.headers).toBe(false)
    const json = request({ target: { body: { a: ['"'] } } }, { publication })
    expect([bytes(json)?.toString(), json]).toMatchObject([
      '{"a":["\\""]}',
      { request: { headers: { 'content-type': 'application/json' } } },
    ])
  })

  test('is none for GET and DELETE, but for a DELETE that has its own', () => {
    expect(bytes(request({}, { publication: { method: 'GET' } }))).toBeUndefined()
    expect(bytes(request({}, { publication: { method: 'DELETE' } }))).toBeUndefined()
    const own = { publication: { method: 'DELETE', body: {} } }
    expect(bytes(request({ target: { body: {} } }, own))?.toString()).toBe('{}')
  })
})

test.each([
  ['0', undefined],
  ['1', 1_000],
  [' 120 ', 120_000],
  ['999999999999', 3_600_000],
  ['1e3', undefined],
  ['-5', undefined],
  ['1.5', undefined],
  ['Sun, 06 Nov 1994 08:50:00 GMT', 23_000],
  ['Sun, 06 Nov 1994 08:00:00 GMT', undefined],
  ['Fri, 31 Dec 9999 23:59:59 GMT', 3_600_000],
  ['2030-01-01', undefined],
  ['', undefined],
  [undefined, undefined],
])('Retry-After: %s is %s ms', (retryAfter, expected) => {
  const now = Date.UTC(1994, 10, 6, 8, 49, 37)
  expect(retryAfterMs({ retryAfter, date: undefined }, now)).toBe(expected)
  // By the far side's own clock, wherever ours is.
  const date = 'Sun, 06 Nov 1994 08:49:37 GMT'
  expect(retryAfterMs({ retryAfter, date }, 0)).toBe(expected)
})
