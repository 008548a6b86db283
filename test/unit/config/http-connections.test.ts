import { expect, test } from 'vitest'
import { httpAdapter } from '../../../adapters/http/index.ts'
import { loadConfiguration } from '../../../src/config/load.ts'
import { printConfiguration } from '../../../src/config/print.ts'
import { mappingCheck } from '../../../src/expressions/check.ts'
import { isCrossdockError } from '../../../src/domain/errors.ts'

const PEM = '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----'
const ENV = { CRM_TOKEN: 'a-token-that-is-secret', PLAIN: 'plain-and-secret' }

function load(http: object, more: object = {}) {
  return loadConfiguration({
    path: import.meta.filename,
    cwd: import.meta.dirname,
    env: ENV,
    adapters: [httpAdapter],
    mappingCheck,
    readFile: async (file) =>
      file.endsWith('.pem') ? `${PEM}\n` : JSON.stringify({ integrations: { http }, ...more }),
  })
}

async function problemOf(http: object, more: object = {}): Promise<string> {
  try {
    await load(http, more)
    return ''
  } catch (error) {
    if (!isCrossdockError(error, 'config_invalid')) throw error
    return error.message
  }
}

const far = { base_url: 'https://far.example/v1' }
const connected = (connection: object) => ({ connections: { far: connection } })

test('a connection and its publications are taken, with what they leave out', async () => {
  const { configuration } = await load({
    connections: {
      far: {
        ...far,
        auth: { type: 'bearer', token: '${CRM_TOKEN}' },
        tls: { cert: '${file:a.pem}', key: '${file:b.pem}' },
        connect_timeout_ms: '2s',
      },
    },
    publications: {
      orders: { path: '/orders/{{ payload.id }}', body: { text: '{{ payload.t }}' } },
    },
  })
  expect(configuration.connections[0]?.options).toEqual({
    base_url: far.base_url,
    auth: { type: 'bearer', token: ENV.CRM_TOKEN },
    tls: { cert: PEM, key: PEM, reject_unauthorized: true },
    max_connections: 20,
    connect_timeout_ms: 2_000,
  })
  expect(configuration.publications[0]).toMatchObject({
    connection: 'far',
    options: {
      method: 'POST',
      path: [{ literal: '/orders/' }, { value: '{{ payload.id }}' }],
      max_response_bytes: 2_048,
    },
  })
})

test('no secret of a connection is printed', async () => {
  const loaded = await load({
    connections: {
      a: {
        ...far,
        auth: { type: 'bearer', token: 'literal-secret' },
        headers: { 'x-any': '${PLAIN}' },
      },
      b: { ...far, auth: { type: 'basic', username: 'me', password: '${PLAIN}' } },
      c: { ...far, auth: { type: 'api_key', header: 'x-key', value: '${PLAIN}' } },
      d: {
        ...far,
        auth: {
          type: 'oauth2',
          token_url: 'https://t.example',
          client_id: 'me',
          client_secret: '${PLAIN}',
        },
      },
      e: { ...far, tls: { cert: '${file:c.pem}', key: PEM }, headers: { 'x-b': 'literal-secret' } },
      f: { ...far, proxy: 'http://me:literal-secret@proxy:3128' },
    },
  })
  const printed = printConfiguration(loaded, [httpAdapter])
  expect(printed).not.toMatch(/literal-secret|plain-and-secret|PRIVATE/)
  expect(printed).toContain('"username": "me"')
  expect(printed).toContain('"header": "x-key"')
})

test.each([
  [{}, 'needs base_url, where messages go, or listen'],
  [{ ...far, listen: { port: 0 } }, 'cannot stand beside base_url'],
  [{ listen: { port: 0 }, auth: { type: 'bearer', token: 't' } }, 'far.auth: is for base_url'],
  [{ base_url: 'ftp://far.example' }, 'must begin with https:// or http://'],
  [{ base_url: 'https://me:literal-secret@far.example' }, 'put them into auth'],
  [{ base_url: 'https://far.example/?a=b' }, 'after a "?"'],
  [{ base_url: 'far.example' }, 'is no address'],
  [{ ...far, proxy: 'https://p.example' }, 'no address of an HTTP proxy'],
  [{ ...far, headers: { Host: 'x' } }, 'is set by the adapter itself'],
  [{ ...far, headers: { 'x a': 'x' } }, 'the name of a header'],
  [{ ...far, headers: { 'x-a': 'a\r\nb: c' } }, 'must be ASCII, without line ends'],
  [{ ...far, tls: { cert: PEM } }, 'needs cert and key together'],
  [{ ...far, tls: { ca: 'file.pem' } }, 'PEM text'],
  [{ ...far, auth: { type: 'basic', username: 'a' } }, 'needs password'],
  [{ ...far, auth: { type: 'basic', username: 'a:b', password: 'c' } }, 'must not hold a colon'],
  [{ ...far, auth: { type: 'bearer', token: 't', value: 'v' } }, 'is not for the type bearer'],
  [{ ...far, auth: { type: 'bearer', token: 'literal\nsecret' } }, 'no header can carry'],
  [{ ...far, connect_timeout_ms: 0 }, 'at least 1ms'],
  [{ ...far, max_connections: 0 }, 'from 1 to 1000'],
])('%j is refused: %s', async (connection, words) => {
  const problem = await problemOf(connected(connection))
  expect(problem).toContain(words)
  expect(problem).not.toMatch(/literal.secret/)
})

test.each([
  [{ path: 'orders' }, 'must begin with "/"'],
  [{ path: '/a/{{ payload.id' }, 'is no template'],
  [{ method: 'GET', body: 'x' }, 'is not for GET'],
  [{ method: 'TRACE' }, 'one of "POST"'],
  [{ success: [500], retry_on: [500] }, 'which success has too'],
  [{ success: [] }, ''],
  [{ max_response_bytes: 1_000_000 }, 'from 0 to 65536'],
  [{ follow_redirects: true }, 'follow_redirects'],
])('a publication with %j is refused: %s', async (publication, words) => {
  const problem = await problemOf({ ...connected(far), publications: { out: publication } })
  expect(problem).not.toBe('')
  expect(problem).toContain(words)
})

const hook = { name: 'hook', path: '/in', handler: 'h', connection: 'port' }
const verify = { type: 'api_key', secrets: ['0123456789abcdef'] }
const port = (listen: object) => ({ connections: { port: { listen } } })

test('a port that others can reach wants verify of each of its subscriptions, or the word of the file', async () => {
  const open = { ...port({ host: '0.0.0.0', port: 9000 }), subscriptions: [hook] }
  expect(await problemOf(open)).toContain('the subscription hook, which has no verify')
  expect(await problemOf(open, { auth: { allow_anonymous: true } })).toBe('')
  expect(await problemOf({ ...open, subscriptions: [{ ...hook, verify }] })).toBe('')
  const local = { ...port({ port: 9000 }), subscriptions: [hook] }
  expect(await problemOf(local)).toBe('')
  const elsewhere = { name: 'other', path: '/in', handler: 'h' }
  // The same path on two ports is no conflict.
  expect(await problemOf({ ...local, subscriptions: [hook, elsewhere] })).toBe('')
  const twice = { ...local, subscriptions: [hook, { ...hook, name: 'other' }] }
  expect(await problemOf(twice)).toContain('takes the same requests as')
})

test('connections are used for what they are', async () => {
  expect(
    await problemOf({ ...connected(far), subscriptions: [{ ...hook, connection: 'far' }] }),
  ).toContain('it is for what goes out')
  expect(
    await problemOf({ ...port({ port: 0 }), publications: { out: { connection: 'port' } } }),
  ).toContain('is a port where messages come in')
  const two = { a: { listen: { port: 9000 } }, b: { listen: { port: 9000 } } }
  expect(await problemOf({ connections: two })).toContain('is that of a too')
})
