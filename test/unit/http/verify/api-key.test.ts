import { expect, test } from 'vitest'
import { send } from '../started-server.ts'
import { startVerified } from '../started-adapter.ts'

const KEY = 'shop-key-0123456789'
const OTHER = 'another-key-0123456789'

const post = (url: string, headers: Readonly<Record<string, string | readonly string[]>>) =>
  send(url, { method: 'POST', headers, body: '{}' })

test.each([
  { 'x-api-key': KEY },
  { 'X-API-KEY': OTHER },
  { authorization: `Bearer ${KEY}` },
  { Authorization: `bearer   ${OTHER}` },
  // A proxy's own login is not about us.
  { authorization: 'Basic dXNlcjpwYXNz', 'x-api-key': KEY },
])('%o is let in, and the key is kept nowhere', async (headers) => {
  const { url, messages } = await startVerified({ type: 'api_key', secrets: [KEY, OTHER] })
  expect((await post(url, { ...headers, 'idempotency-key': 'k' })).status).toBe(202)
  expect(messages[0]?.identity).toBe('anonymous/k')
  expect(JSON.stringify(messages[0])).not.toMatch(/0123456789|Basic/)
})

test('the name of the key is the sender: in the inbox key and in metadata', async () => {
  const { url, messages } = await startVerified({
    type: 'api_key',
    secrets: { paris: KEY, london: [OTHER, 'a-third-key-0123456789'] },
  })
  for (const key of [KEY, OTHER, 'a-third-key-0123456789']) {
    await post(url, { 'x-api-key': key, 'idempotency-key': 'order-17' })
  }
  expect(messages.map(({ identity }) => identity)).toEqual([
    'paris/order-17',
    'london/order-17',
    'london/order-17',
  ])
  expect(messages.map(({ facts }) => facts)).toEqual([
    { path: '/in', sender: 'paris' },
    { path: '/in', sender: 'london' },
    { path: '/in', sender: 'london' },
  ])
})

test.each([
  {},
  { 'x-api-key': '' },
  { authorization: '' },
  { authorization: 'Bearer' },
  { authorization: 'Bearer ' },
  { authorization: KEY },
  { authorization: `Basic ${KEY}` },
  { authorization: `Bearer\t${KEY}` },
  { authorization: `Bearer ${KEY} x` },
  { cookie: `key=${KEY}` },
])('without a key, as %o, it is 401 with a challenge', async (headers) => {
  const { url, messages } = await startVerified({ type: 'api_key', secrets: [KEY] })
  const answer = await post(`${url}?api_key=${KEY}`, headers)
  expect(answer.json).toMatchObject({ status: 401, code: 'credentials_missing' })
  expect(answer.headers.get('www-authenticate')).toBe('Bearer')
  expect(messages).toEqual([])
})

test('with any other key it is 401, whatever its length', async () => {
  const { url, messages } = await startVerified({ type: 'api_key', secrets: { a: KEY } })
  const wrong = [
    ...Array.from({ length: KEY.length - 1 }, (_, n) => KEY.slice(0, n + 1)),
    ...Array.from({ length: KEY.length }, (_, at) => `${KEY.slice(0, at)}_${KEY.slice(at + 1)}`),
    ...[`${KEY}${KEY}`, KEY.toUpperCase(), `${KEY}x`, `x${KEY}`, `"${KEY}"`, `a:${KEY}`],
    ...['a', '***', 'é', 'x'.repeat(10_000), `${KEY}, ${KEY}`, `${KEY}\t`.padEnd(30, 'x')],
  ]
  for (const key of wrong) {
    const answer = await post(url, { 'x-api-key': key })
    expect([key, answer.json['code']]).toEqual([key, 'credentials_invalid'])
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
    expect(answer.text).not.toContain(KEY)
  }
  for (const headers of [
    { 'x-api-key': [KEY, KEY] },
    { 'x-api-key': ['x', KEY] },
    { 'x-api-key': 'x', authorization: `Bearer ${KEY}` },
    { authorization: [`Bearer ${KEY}`, `Bearer ${KEY}`] },
    { authorization: ['Bearer x', `Bearer ${KEY}`] },
  ]) {
    expect((await post(url, headers)).status).toBe(401)
  }
  expect(messages).toEqual([])
})
