import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { send } from '../started-server.ts'
import { startVerified } from '../started-adapter.ts'

/** Published by GitHub for testing implementations. */
const SECRET = "It's a Secret to Everybody"
const BODY = 'Hello, World!'
const SIGNATURE = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17'

const post = (
  url: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string | readonly string[]>>,
) => send(url, { method: 'POST', headers, body })

test('the published example is let in', async () => {
  const { url, messages } = await startVerified({ type: 'github', secrets: [SECRET] })
  expect((await post(url, BODY, { 'X-Hub-Signature-256': SIGNATURE })).status).toBe(202)
  expect(messages[0]?.headers).toMatchObject({ 'X-Hub-Signature-256': SIGNATURE })
  expect(messages[0]?.identity).toBeUndefined()
})

test.each([
  [Buffer.from([0xff, 0, 0xc3, 0x28, 0x0d, 0x0a])],
  [Buffer.from('{"ü":"\r\n😀"}')],
  [Buffer.alloc(0)],
])('the bytes %o are signed as they are', async (body) => {
  const { url, messages } = await startVerified({ type: 'github', secrets: [SECRET] })
  const signature = `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`
  expect((await post(url, body, { 'x-hub-signature-256': signature })).status).toBe(202)
  expect(Buffer.from(messages[0]?.body ?? [])).toEqual(body)
})

test('either secret is good while one takes the place of the other', async () => {
  const { url } = await startVerified({ type: 'github', secrets: ['a new secret, 2026', SECRET] })
  const signatures = [SECRET, 'a new secret, 2026', 'some other secret'].map(
    (secret) => `sha256=${createHmac('sha256', secret).update(BODY).digest('hex')}`,
  )
  const answers = signatures.map((each) => post(url, BODY, { 'x-hub-signature-256': each }))
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([202, 202, 401])
})

test('the delivery is the identity, unless a key says more', async () => {
  const { url, messages } = await startVerified({ type: 'github', secrets: { forge: SECRET } })
  const headers = { 'x-hub-signature-256': SIGNATURE, 'x-github-delivery': 'd-1' }
  await post(url, BODY, headers)
  await post(url, BODY, { ...headers, 'idempotency-key': 'k' })
  expect(messages.map(({ identity }) => identity)).toEqual(['forge/d-1', 'forge/k'])
  expect(messages[0]?.facts).toEqual({ path: '/in', sender: 'forge' })
})

test('whatever else is 401, and stored nowhere', async () => {
  const { url, messages } = await startVerified({ type: 'github', secrets: [SECRET] })
  const hex = SIGNATURE.slice('sha256='.length)
  const sha1 = createHmac('sha1', SECRET).update(BODY).digest('hex')
  const missing = [{}, { 'x-hub-signature-256': '' }, { 'x-hub-signature': `sha1=${sha1}` }]
  const invalid = [
    ...Array.from({ length: SIGNATURE.length }, (_, n) => SIGNATURE.slice(0, n + 1)).slice(0, -1),
    ...Array.from({ length: hex.length }, (_, at) => {
      const other = hex[at] === '0' ? '1' : '0'
      return `sha256=${hex.slice(0, at)}${other}${hex.slice(at + 1)}`
    }),
    hex,
    SIGNATURE.toUpperCase(),
    `sha256=${hex.toUpperCase()}`,
    `sha256=${Buffer.from(hex, 'hex').toString('base64')}`,
    `sha1=${sha1}`,
    `${SIGNATURE}, ${SIGNATURE}`,
    `${SIGNATURE}0`,
    `sha256= ${hex}`,
    'é'.repeat(64),
    'x'.repeat(10_000),
  ]
  for (const headers of missing) {
    const answer = await post(url, BODY, headers)
    expect(answer.json).toMatchObject({ status: 401, code: 'credentials_missing' })
  }
  for (const signature of invalid) {
    const answer = await post(url, BODY, { 'x-hub-signature-256': signature })
    expect([signature, answer.json['code']]).toEqual([signature, 'credentials_invalid'])
    expect(answer.status).toBe(401)
  }
  const twice = await post(url, BODY, { 'x-hub-signature-256': [SIGNATURE, SIGNATURE] })
  expect(twice.status).toBe(401)
  for (const body of ['', 'Hello, World', 'Hello, World!\n', 'hello, World!']) {
    expect((await post(url, body, { 'x-hub-signature-256': SIGNATURE })).status).toBe(401)
  }
  expect(messages).toEqual([])
})
