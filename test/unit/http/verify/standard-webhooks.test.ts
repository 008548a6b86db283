import { createHmac, randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { send, sendRaw } from '../started-server.ts'
import { startVerified } from '../started-adapter.ts'

const SECRET = `whsec_${Buffer.from('a key of 32 bytes, well, about..').toString('base64')}`
const OTHER = `whsec_${Buffer.from('another key of 32 bytes, nearly.').toString('base64')}`
const BODY = '{"type":"contact.created"}'

interface Sent {
  readonly id?: string
  /** Seconds from now. */
  readonly age?: number
  readonly secret?: string
  readonly body?: string | Buffer
}

/** Headers as the reference library signs them. */
function signed({ id = 'msg_1', age = 0, secret = SECRET, body = BODY }: Sent = {}) {
  const time = new Date(Date.now() - age * 1_000)
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(time.getTime() / 1_000)),
    'webhook-signature': new Webhook(secret).sign(id, time, body),
  }
}

type SentHeaders = Readonly<Record<string, string | readonly string[]>>

const post = (url: string, body: string | Uint8Array, headers: SentHeaders) =>
  send(url, { method: 'POST', headers, body })

const started = (more: { readonly tolerance?: string | number; secrets?: string[] } = {}) =>
  startVerified({ type: 'standard-webhooks', secrets: [SECRET], ...more })

describe('what the reference library has signed', () => {
  test('is let in, and its id is the identity', async () => {
    const { url, messages } = await started()
    expect((await post(url, BODY, signed())).status).toBe(202)
    expect(messages[0]?.identity).toBe('anonymous/msg_1')
    expect(messages[0]?.headers).toMatchObject({
      'webhook-signature': expect.any(String) as unknown,
    })
  })

  test.each([
    ['nothing', ''],
    ['text beyond ASCII', '{"name":"Zoë 😀 \u2028"}'],
    ['CRLF and spaces', '{ "a" :\r\n\t1 }\r\n'],
    ['a byte order mark', '\ufeff{}'],
    ['100 kB', 'x'.repeat(99_000)],
  ])('with %s as its body is let in', async (_, body) => {
    const { url, messages } = await started()
    expect((await post(url, body, signed({ body }))).status).toBe(202)
    expect(Buffer.from(messages[0]?.body ?? []).toString()).toBe(body)
  })

  test('is let in with any of the secrets, and any of its signatures', async () => {
    const { url } = await started({ secrets: [OTHER, SECRET] })
    const old = signed({ secret: SECRET })
    const both = `v1a,AAAA v1,AAAA ${signed({ secret: OTHER })['webhook-signature']} v2,x`
    expect((await post(url, BODY, old)).status).toBe(202)
    expect((await post(url, BODY, { ...old, 'webhook-signature': both })).status).toBe(202)
    const third = signed({ secret: `whsec_${randomBytes(32).toString('base64')}` })
    expect((await post(url, BODY, third)).status).toBe(401)
  })

  test.each([
    [290, 202],
    [-290, 202],
    [310, 401],
    [-310, 401],
    [1_000_000, 401],
  ])('%i seconds ago is %i', async (age, status) => {
    const { url, messages } = await started()
    const answer = await post(url, BODY, signed({ age }))
    expect(answer.status).toBe(status)
    expect(messages).toHaveLength(status === 202 ? 1 : 0)
    if (status === 401) expect(answer.json).toMatchObject({ code: 'signature_expired' })
  })

  test('is let in within the tolerance that is configured', async () => {
    const { url } = await started({ tolerance: '1h' })
    expect((await post(url, BODY, signed({ age: 3_500 }))).status).toBe(202)
    const short = await started({ tolerance: 10 })
    expect((await post(short.url, BODY, signed({ age: 20 }))).status).toBe(401)
  })
})

test('any bytes are signed as they are, also those that are no text', async () => {
  const { url, messages } = await started()
  const body = Buffer.from([0xff, 0x00, 0xc3, 0x28, 0x0d, 0x0a])
  const id = 'msg_é'
  const now = String(Math.floor(Date.now() / 1_000))
  const key = Buffer.from(SECRET.slice('whsec_'.length), 'base64')
  const signature = createHmac('sha256', key).update(`${id}.${now}.`).update(body)
  const headers = {
    'webhook-id': Buffer.from(id).toString('latin1'),
    'webhook-timestamp': now,
    'webhook-signature': `v1,${signature.digest('base64')}`,
  }
  expect((await post(url, body, headers)).status).toBe(202)
  expect(Buffer.from(messages[0]?.body ?? [])).toEqual(body)
})

test('a secret without the prefix is its characters', async () => {
  const secret = 'c2VjcmV0IHRoYXQgbG9va3MgbGlrZSBiYXNlNjQ='
  const { url } = await started({ secrets: [secret] })
  const time = new Date()
  const raw = new Webhook(secret, { format: 'raw' }).sign('msg_1', time, BODY)
  expect((await post(url, BODY, { ...signed(), 'webhook-signature': raw })).status).toBe(202)
  const decoded = new Webhook(secret).sign('msg_1', time, BODY)
  expect((await post(url, BODY, { ...signed(), 'webhook-signature': decoded })).status).toBe(401)
})

test('sent again it is the same message, whatever is not signed', async () => {
  const { url, messages } = await startVerified(
    { type: 'standard-webhooks', secrets: { crm: SECRET } },
    { path: '/in/:shop' },
  )
  await post(`${url}/paris`, BODY, { ...signed(), 'idempotency-key': 'a' })
  await post(`${url}/london?x=1`, BODY, { ...signed({ age: 60 }), 'idempotency-key': 'b' })
  expect(messages.map(({ identity }) => identity)).toEqual(['crm/msg_1', 'crm/msg_1'])
  expect(messages[0]?.facts).toEqual({ path: '/in/paris', sender: 'crm' })
})

describe('what was not signed like this', () => {
  const good = signed()
  const [, signature = ''] = good['webhook-signature'].split(',')
  const bytes = Buffer.from(signature, 'base64')
  const with_ = (changes: SentHeaders): SentHeaders => ({ ...good, ...changes })
  const without = (name: keyof typeof good): SentHeaders =>
    Object.fromEntries(Object.entries(good).filter(([header]) => header !== name))

  /** Each with what is wrong, the headers, and the body. */
  const forged: readonly (readonly [string, SentHeaders, string])[] = [
    ...['webhook-id', 'webhook-timestamp', 'webhook-signature'].flatMap((name) => [
      [`no ${name}`, without(name as keyof typeof good), BODY] as const,
      [`an empty ${name}`, with_({ [name]: '' }), BODY] as const,
      [
        `${name} twice`,
        with_({ [name]: [headerOf(good, name), headerOf(good, name)] }),
        BODY,
      ] as const,
      [
        `${name} twice, the first wrong`,
        with_({ [name]: ['x', headerOf(good, name)] }),
        BODY,
      ] as const,
    ]),
    // Every truncation, and a flip of every byte.
    ...Array.from({ length: signature.length }, (_, length) =>
      entry(`a signature of ${length} characters`, `v1,${signature.slice(0, length)}`),
    ),
    ...Array.from(bytes, (byte, at) => {
      const changed = Buffer.from(bytes)
      changed[at] = byte ^ 1
      return entry(`byte ${at} changed`, `v1,${changed.toString('base64')}`)
    }),
    ...Array.from({ length: 150 }, (_, n) =>
      entry(`random ${n}`, `v1,${randomBytes(n).toString('base64')}`),
    ),
    ...[
      bytes.toString('hex'),
      bytes.toString('base64url'),
      bytes.toString('latin1').replaceAll(/[^ -~]/g, '?'),
      signature.toLowerCase(),
      signature.replace('=', ''),
      `${signature}=`,
      `${signature}x`,
      `"${signature}"`,
      `${signature},v1`,
      signature.repeat(50),
      'A'.repeat(8_000),
    ].map((text) => entry('wrongly encoded', `v1,${text}`)),
    ...['v0', 'v2', 'v1a', 'V1', '', 'v1 ', '"v1', 'v11'].map((version) =>
      entry(`version ${version}`, `${version},${signature}`),
    ),
    entry('no version', signature),
    entry('a tab between', `v1,AAAA\tv1,${signature}`),
    entry('a comma between', `v1,AAAA,v1,${signature}`),
    entry('commas alone', ','.repeat(1_000)),
    entry('many of them', Array.from({ length: 300 }, () => 'v1,QUFBQUFB').join(' ')),
    ...[
      '0',
      '-1',
      '1e9',
      '0x65',
      'now',
      `${good['webhook-timestamp']}.0`,
      `+${good['webhook-timestamp']}`,
      `${good['webhook-timestamp']} `.padEnd(20, '0'),
      '9'.repeat(400),
      'NaN',
      new Date().toISOString(),
      String(Number(good['webhook-timestamp']) + 1),
    ].map((text) => ['another time', with_({ 'webhook-timestamp': text }), BODY] as const),
    ...['msg_2', 'MSG_1', 'msg_1.', 'msg_1 x', 'x'.repeat(5_000), 'é'].map(
      (text) => ['another id', with_({ 'webhook-id': text }), BODY] as const,
    ),
    ...[
      '',
      `${BODY} `,
      ` ${BODY}`,
      `${BODY}\n`,
      BODY.toUpperCase(),
      `\ufeff${BODY}`,
      BODY.slice(1),
    ].map((body) => ['another body', good, body] as const),
    ['another secret', signed({ secret: OTHER }), BODY],
    ['the encoded secret as the key', rawKey(SECRET), BODY],
    ['no key at all', rawKey(''), BODY],
    ['an id with a full stop', signed({ id: 'msg.1' }), BODY],
  ]

  function entry(name: string, value: string): readonly [string, SentHeaders, string] {
    return [name, with_({ 'webhook-signature': value }), BODY]
  }

  function rawKey(key: string): SentHeaders {
    const content = `msg_1.${good['webhook-timestamp']}.${BODY}`
    return with_({
      'webhook-signature': `v1,${createHmac('sha256', key).update(content).digest('base64')}`,
    })
  }

  test(`is 401 and stored nowhere, in each of ${forged.length} ways`, async () => {
    const { url, messages } = await started()
    const codes = new Set<unknown>()
    for (const [name, headers, body] of forged) {
      const answer = await post(url, body, headers)
      expect([name, answer.status]).toEqual([name, 401])
      expect(answer.headers.get('content-type')).toBe('application/problem+json')
      codes.add(answer.json['code'])
    }
    expect(messages).toEqual([])
    expect(forged.length).toBeGreaterThan(250)
    expect([...codes].sort()).toEqual(['credentials_invalid', 'credentials_missing'])
    expect((await post(url, BODY, signed())).status).toBe(202)
  })

  test('is 401 also where the parts of what was signed are divided elsewhere', async () => {
    const { url, messages } = await started()
    const now = Math.floor(Date.now() / 1_000)
    const body = `${now}.{}`
    const headers = signed({ id: 'a', body })
    const shifted = { ...headers, 'webhook-id': `a.${headers['webhook-timestamp']}` }
    const answer = await post(url, '{}', { ...shifted, 'webhook-timestamp': String(now) })
    expect(answer.status).toBe(401)
    expect(messages).toEqual([])
  })

  test('is 401 whatever a browser or a proxy makes of the headers', async () => {
    const { port, messages } = await started()
    for (const fold of ['webhook-signature: v1,\r\n AAAA', 'webhook-signature : v1,x', '\x00: x']) {
      const text = await sendRaw(
        port,
        `POST /in HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2\r\n${fold}\r\n\r\n{}`,
      )
      expect(text).toMatch(/^HTTP\/1\.1 40[01] /)
    }
    expect(messages).toEqual([])
  })

  test('is 401 before anything else of it is judged', async () => {
    const { url, messages } = await startVerified(
      { type: 'standard-webhooks', secrets: [SECRET] },
      { contentType: 'json' },
    )
    const headers = { 'content-type': 'text/plain', 'idempotency-key': '' }
    expect((await post(`${url}?wait=99`, '{', headers)).status).toBe(401)
    expect(
      (await post(`${url}?wait=99`, '{', { ...headers, ...signed({ body: '{' }) })).status,
    ).toBe(415)
    expect(messages).toEqual([])
  })
})

function headerOf(headers: Readonly<Record<string, string>>, name: string): string {
  return headers[name] ?? ''
}
