import { createHmac } from 'node:crypto'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { HTTP_PROBLEMS } from '../../../src/ports/http-problem.ts'
import { startAdapter, type StartedAdapter } from './started-adapter.ts'

/** A thousand and more in the long form; always the same ones. */
const ROUNDS = process.env['CROSSDOCK_TEST_LONG'] === '1' ? 1_200 : 300
const SEED = 20_240_229
const SECRET = 'a-secret-of-the-test'

/** Numbers from 0 to 1 that are the same at every run (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const random = randomNumbers(SEED)
const below = (count: number): number => Math.floor(random() * count)
const pick = <T>(values: readonly T[]): T => values[below(values.length)] as T
const bytes = (count: number): Buffer =>
  Buffer.from(Array.from({ length: count }, () => below(256)))

const BODIES: readonly (() => Buffer)[] = [
  () => Buffer.alloc(0),
  () => Buffer.from('{"name":"Ada"}'),
  () => Buffer.from(`${'['.repeat(5_000)}${']'.repeat(5_000)}`),
  () => Buffer.from('{"__proto__":{"a":1},"constructor":{}}'),
  () => Buffer.from('{"a":1,"a":2}'),
  () => Buffer.from('\ufeff{}'),
  () => Buffer.from('{"a":"\\ud800"}'),
  () => Buffer.from('{"a":"\\u0000"}'),
  () => Buffer.from('1e999'),
  () => Buffer.from(`"${'a'.repeat(60_000)}"`),
  () => Buffer.from('{"a":'),
  () => Buffer.from('NaN'),
  () => Buffer.from("'; DROP TABLE queue_jobs; --"),
  () => Buffer.from([0xc3, 0x28]),
  () => Buffer.from([0xed, 0xa0, 0x80]),
  () => bytes(1 + below(300)),
]

const HEADERS: readonly (() => string)[] = [
  () => 'content-type: application/json',
  () => 'content-type: application/json; charset=utf-16',
  () => 'content-type: ',
  () => 'content-type: \xff\xfe',
  () => `content-type: ${'a'.repeat(300)}`,
  () => 'content-type: multipart/form-data; boundary=x',
  () => 'content-encoding: gzip',
  () => 'idempotency-key: ',
  () => `idempotency-key: ${'k'.repeat(256)}`,
  () => `idempotency-key: ${bytes(8).toString('hex')}`,
  () => 'idempotency-key: a\r\nidempotency-key: b',
  () => 'traceparent: 00-zz',
  () => `x-correlation-id: ${'c'.repeat(300)}`,
  () => '__proto__: x',
  () => 'x-many: 1\r\nx-many: 2',
  () => `x-long: ${'l'.repeat(20_000)}`,
  () => 'x bad: 1',
  () => 'no colon at all',
  () => ' folded: 1',
  () => 'transfer-encoding: chunked',
  () => 'transfer-encoding: chunked, identity',
  () => 'content-length: -1',
  () => 'content-length: 3\r\ncontent-length: 4',
  () => 'expect: 100-continue',
  () => 'expect: tea',
  () => 'upgrade: websocket\r\nconnection: upgrade',
  () => 'x-nul: a\0b',
  () =>
    `x-bytes: ${bytes(5)
      .toString('latin1')
      .replaceAll(/[\r\n\0]/g, '?')}`,
]

const SIGNATURES: readonly ((body: Buffer) => string)[] = [
  () => '',
  () => 'x-hub-signature-256: ',
  () => 'x-hub-signature-256: sha256=',
  () => `x-hub-signature-256: sha256=${'0'.repeat(64)}`,
  () => `x-hub-signature-256: ${'s'.repeat(5_000)}`,
  () => 'x-hub-signature-256: sha1=abc',
  (body) => `x-hub-signature-256: sha256=${sign(body).toUpperCase()}`,
  (body) => `x-hub-signature-256: sha256=${sign(body)}, sha256=${sign(body)}`,
  (body) => `x-hub-signature-256: sha256=${sign(body)}\r\nx-hub-signature-256: sha256=x`,
  // The good one, so that what lies behind it is reached as well.
  (body) => `x-hub-signature-256: sha256=${sign(body)}`,
  (body) => `x-hub-signature-256: sha256=${sign(body)}`,
  (body) => `x-hub-signature-256: sha256=${sign(body)}`,
  (body) => `x-hub-signature-256: sha256=${sign(body)}`,
]

const QUERIES = [
  '',
  '?wait=',
  '?wait=-1',
  '?wait=1e9',
  '?wait=1&wait=2',
  '?a[]=b',
  '?%',
  '?__proto__=x',
]

function sign(body: Buffer): string {
  return createHmac('sha256', SECRET).update(body).digest('hex')
}

/** One request as bytes: mostly of the right form, each with a few things wrong. */
function hostileRequest(): Buffer {
  const body = pick(BODIES)()
  const headers = Array.from({ length: below(3) }, () => pick(HEADERS)())
  const hasLength = headers.some((each) => /^(content-length|transfer-encoding)/.test(each))
  const lines = [
    `${pick(['POST', 'POST', 'POST', 'POST', 'PUT', 'get', 'OPTIONS'])} /in${pick(QUERIES)} HTTP/1.1`,
    pick([
      'host: localhost',
      'host: localhost',
      'host: localhost',
      'host: evil.example',
      'x-none: 1',
    ]),
    'connection: close',
    pick(SIGNATURES)(body),
    ...headers,
    ...(hasLength ? [] : [`content-length: ${body.length}`]),
  ].filter((line) => line !== '')
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body])
}

/** What comes back until the server closes; our half is ended, so that an unfinished body is one. */
function exchange(port: number, request: Buffer): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () =>
    socket.end(request),
  )
  let received = ''
  socket.on('data', (chunk) => (received += chunk.toString('latin1')))
  socket.on('end', () => socket.destroy())
  socket.on('error', () => undefined)
  socket.on('close', () => resolve(received))
  return promise
}

test.each(['json', 'text', 'binary'] as const)(
  'a hostile request for %s has a clear answer, and none is lost or at fault of the program',
  async (contentType) => {
    const started: StartedAdapter = await startAdapter({
      contentType,
      verify: { type: 'github', secrets: [SECRET] },
    })
    const statuses = new Map<number, number>()
    let accepted = 0
    for (let round = 0; round < ROUNDS / 3; round += 1) {
      const request = hostileRequest()
      const answer = await exchange(started.port, request)
      const shown = `round ${round}: ${JSON.stringify(request.toString('latin1').slice(0, 400))}`
      const final = answer.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, '')
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(final)?.[1] ?? 0)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      // Node's parser tells of no fault in the body of a request that asks for an upgrade: the connection ends,
      // nothing is stored, and there is nobody to answer.
      if (status === 0 && request.includes('upgrade: websocket')) continue
      expect(status, shown).toBeGreaterThanOrEqual(200)
      expect(status, shown).toBeLessThan(500)
      if (status === 202) accepted += 1
      else if (status !== 417) {
        const code = (JSON.parse(/\r\n\r\n([^]*)$/.exec(final)?.[1] ?? '') as { code: string }).code
        expect(Object.keys(HTTP_PROBLEMS), shown).toContain(code)
      }
    }
    expect(started.messages).toHaveLength(accepted)
    expect(accepted).toBeGreaterThan(0)
    expect(statuses.size).toBeGreaterThan(3)
  },
  60_000,
)
