import { describe, expect, it } from 'vitest'
import { outgoingRecord } from '../../../adapters/kafka/outbound/record.ts'
import type { OutboundMessage } from '../../../src/ports/outbound.ts'

function message(given: Partial<OutboundMessage> = {}): OutboundMessage {
  return {
    id: 'job-1',
    payload: Buffer.from('{"n":1}'),
    contentType: undefined,
    key: undefined,
    headers: { 'idempotency-key': 'job-1' },
    target: { topic: 'orders' },
    attempt: 1,
    ...given,
  }
}

function record(given: Partial<OutboundMessage> = {}) {
  const made = outgoingRecord(message(given))
  if (!made.ok) throw new Error(made.problem)
  return made.record
}

function problem(given: Partial<OutboundMessage>): string | undefined {
  const made = outgoingRecord(message(given))
  return made.ok ? undefined : made.problem
}

describe('a record that goes out', () => {
  it('has topic, payload and headers of the message, and no key where it has none', () => {
    expect(record()).toEqual({
      topic: 'orders',
      key: null,
      value: Buffer.from('{"n":1}'),
      headers: [['idempotency-key', Buffer.from('job-1')]],
    })
  })

  it('has a text key, and a binary one', () => {
    expect(record({ key: '7' }).key).toEqual(Buffer.from('7'))
    expect(record({ key: 'base64:/wE=' }).key).toEqual(Buffer.from([0xff, 0x01]))
  })

  it('is a tombstone where the row has no payload, and empty where it has an empty one', () => {
    expect(record({ payload: Buffer.alloc(0), isNull: true }).value).toBeNull()
    expect(record({ payload: Buffer.alloc(0) }).value).toEqual(Buffer.alloc(0))
  })

  it('repeats a header, and has bytes in one', () => {
    const { headers } = record({ headers: { tag: ['a', 'ä'], raw: { base64: '/wE=' } } })
    expect(headers).toEqual([
      ['tag', Buffer.from('a')],
      ['tag', Buffer.from('ä')],
      ['raw', Buffer.from([0xff, 0x01])],
    ])
  })

  it('says its content type, unless a header does', () => {
    expect(record({ headers: {}, contentType: 'text/plain' }).headers).toEqual([
      ['content-type', Buffer.from('text/plain')],
    ])
    const own = record({ headers: { 'Content-Type': 'a/b' }, contentType: 'text/plain' })
    expect(own.headers).toEqual([['Content-Type', Buffer.from('a/b')]])
  })

  it.each([
    [3, 3],
    ['12', 12],
    [0, 0],
  ])('goes to the partition %j', (partition, expected) => {
    expect(record({ target: { topic: 'orders', partition } }).partition).toBe(expected)
  })

  it.each([-1, 1.5, 'one', '', 2_147_483_648, true, null])(
    'is refused for good with the partition %j',
    (partition) => {
      expect(problem({ target: { topic: 'orders', partition } })).toMatch(/partition/)
    },
  )

  it.each(['', 'a b', '..', 'ä', 'x'.repeat(250), 7, { a: 1 }])(
    'is refused for good with the topic %j',
    (topic) => {
      expect(problem({ target: { topic } })).toMatch(/topic/)
    },
  )

  it('says how many bytes it has, at least those that it has', () => {
    const made = outgoingRecord(message({ key: 'k'.repeat(100), payload: Buffer.alloc(1_000) }))
    expect(made).toMatchObject({ ok: true })
    if (made.ok) expect(made.bytes).toBeGreaterThan(1_100)
  })
})
