import { describe, expect, it } from 'vitest'
import { outboundOrderingKey } from '../../../src/domain/outbound.ts'
import { outboundMessage } from '../../../src/outbound/outbound-message.ts'
import { templateInput } from '../../../src/outbound/template-input.ts'
import type { HandlerJob, StoredPayload } from '../../../src/ports/handler.ts'
import type { PublishMessage } from '../../../src/ports/handler.ts'
import type { ClaimedJob } from '../../../src/ports/store.ts'
import { publishedMessage } from '../../../src/worker/published-message.ts'

const job: HandlerJob = {
  id: 'job-1',
  handler: 'outbound.publish',
  queue: 'kafka:orders',
  priority: 0,
  attempt: 2,
  maxRetries: 3,
  method: 'orders',
  protocol: 'kafka',
  headers: {},
  metadata: {},
  contentType: null,
  tenantId: null,
  createdBy: null,
  parentJobId: null,
  correlationId: null,
  traceparent: null,
  createdAt: new Date(1_000),
}
const stored: StoredPayload = { payload: '{"a":1}', contentType: null, payloadEncoding: null }
const nothing = { key: undefined, headers: {}, target: {} }

describe('a message on its way out', () => {
  it('has one header of each name: the row’s, the publication’s over it, and ours over both', () => {
    const row = {
      ...job,
      correlationId: 'c',
      traceparent: 't',
      headers: { 'X-A': 'row', 'x-b': ['1', '2'], 'Idempotency-Key': 'forged' },
    }
    const rendered = { ...nothing, headers: { 'x-a': 'template', 'IDEMPOTENCY-KEY': 'forged too' } }
    expect(outboundMessage(row, stored, rendered, false).headers).toEqual({
      'x-b': ['1', '2'],
      'x-a': 'template',
      'idempotency-key': 'job-1',
      traceparent: 't',
      'correlation-id': 'c',
    })
  })

  it.each<[Partial<StoredPayload>, string, string | undefined]>([
    [{}, '{"a":1}', 'application/json'],
    [{ payload: null }, '', undefined],
    [{ payload: 'plain', contentType: 'text/plain' }, 'plain', 'text/plain'],
    [{ payload: 'aGk=', payloadEncoding: 'base64' }, 'hi', undefined],
    [{ payload: 'aG\nk=', payloadEncoding: 'base64', contentType: 'a/b' }, 'hi', 'a/b'],
  ])('of the row %j has the bytes %j', (row, text, contentType) => {
    const message = outboundMessage(job, { ...stored, ...row }, nothing, false)
    expect(Buffer.from(message.payload).toString()).toBe(text)
    expect(message.contentType).toBe(contentType)
  })

  it.each([
    ['another encoding', {}, { payloadEncoding: 'gzip' }],
    ['no base64', {}, { payload: 'ä', payloadEncoding: 'base64' }],
    ['a line break in a header', { headers: { a: 'b\r\nc: d' } }, {}],
    ['headers that are a list', { headers: ['a'] }, {}],
    ['an object for a header', { headers: { a: { b: 1 } } }, {}],
  ])('cannot be made of a row with %s', (_what, row, payload) => {
    expect(() =>
      outboundMessage({ ...job, ...row } as HandlerJob, { ...stored, ...payload }, nothing, false),
    ).toThrow(expect.objectContaining({ code: 'message_invalid' }))
  })

  it('tells a row without a payload from one with an empty payload', () => {
    const none = outboundMessage(job, { ...stored, payload: null }, nothing, false)
    expect(none).toMatchObject({ isNull: true, payload: new Uint8Array() })
    const empty = outboundMessage(job, { ...stored, payload: '' }, nothing, false)
    expect(empty.isNull).toBeUndefined()
  })

  it('takes its key from the row, unless the publication has a template', () => {
    const row = { ...job, metadata: { key: 7 } }
    expect(outboundMessage(row, stored, nothing, false).key).toBe('7')
    expect(outboundMessage(row, stored, { ...nothing, key: 'k' }, true).key).toBe('k')
    expect(outboundMessage(row, stored, nothing, true).key).toBeUndefined()
  })

  it('looks the same to its templates at every repeat', () => {
    const input = templateInput({ ...job, tenantId: 't', metadata: { key: 'k' } }, stored)
    expect(input).toMatchObject({
      payload: { kind: 'json', text: '{"a":1}' },
      receivedAtMs: 1_000,
      facts: {
        id: 'job-1',
        publication: 'orders',
        key: 'k',
        tenant_id: 't',
        created_at: '1970-01-01T00:00:01.000Z',
      },
    })
    const text = { payload: 'aGk=', contentType: 'text/plain', payloadEncoding: 'base64' }
    expect(templateInput(job, text).payload).toEqual({ kind: 'text', text: 'hi' })
  })
})

describe('publish', () => {
  const context = {
    makeId: () => 'new',
    publications: {
      find: (address: string) =>
        address === 'kafka:orders' ? ({ protocol: 'kafka', name: 'orders' } as const) : undefined,
      closest: () => 'kafka:orders',
    },
  }
  const running = { jobId: 'parent', tenantId: 't', correlationId: 'c', traceparent: 'tp' }
  const publish = (message: PublishMessage, address = 'kafka:orders') =>
    publishedMessage(context, running as ClaimedJob, address, message)

  it('makes an outbound row that descends from its job', () => {
    expect(publish({ payload: 1, key: 'k', metadata: { a: 1 } })).toMatchObject({
      id: 'new',
      handler: 'outbound.publish',
      queue: 'kafka:orders',
      orderingKey: outboundOrderingKey('kafka:orders', 'k'),
      metadata: { a: 1, key: 'k' },
      parentJobId: 'parent',
      tenantId: 't',
      correlationId: 'c',
      traceparent: 'tp',
    })
    expect(publish({ key: 'k', orderingKey: null }).orderingKey).toBeUndefined()
    expect(publish({ key: 'k', orderingKey: 'mine' }).orderingKey).toBe('mine')
  })

  it.each<[PublishMessage, object]>([
    [{ payload: { a: 1 } }, { payload: '{"a":1}', payloadEncoding: undefined }],
    [{ payload: 'text' }, { payload: '"text"' }],
    [{ payload: 'text', contentType: 'text/plain' }, { payload: 'text' }],
    [{ payload: '<a/>', contentType: 'application/xml' }, { payload: '<a/>' }],
    [{ payload: 'a', contentType: 'application/x+json' }, { payload: '"a"' }],
    [
      { payload: 'a\0', contentType: 'text/plain' },
      { payload: 'YQA=', payloadEncoding: 'base64' },
    ],
    [{ payload: Uint8Array.of(1, 2) }, { payload: 'AQI=', payloadEncoding: 'base64' }],
    [{ payload: null }, { payload: 'null' }],
    [{}, { payload: undefined }],
  ])('of %j stores what goes out', (message, row) => {
    expect(publish(message)).toMatchObject(row)
  })

  it.each<[PublishMessage]>([
    [{ payload: 1n }],
    [{ payload: () => 1 }],
    [{ key: '' }],
    [{ key: 7 as unknown as string }],
    [{ key: 'a\0' }],
    [{ orderingKey: 'x'.repeat(256) }],
    [{ headers: { a: 'b\nc' } }],
    [{ headers: { 'a\n': 'b' } }],
    [{ headers: { a: 7 as unknown as string } }],
    [{ headers: { a: { base64: 'ä' } } }],
  ])('refuses what no message can be, %#', (message) => {
    expect(() => publish(message)).toThrow(expect.objectContaining({ code: 'message_invalid' }))
  })

  it('to nobody names who was meant', () => {
    expect(() => publish({}, 'kafka:order')).toThrow(/did you mean 'kafka:orders'/)
  })
})
