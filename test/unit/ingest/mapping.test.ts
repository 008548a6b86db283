import { describe, expect, it } from 'vitest'
import { CrossdockError } from '../../../src/domain/errors.ts'
import type { MappingResult, Mappings } from '../../../src/ports/expressions.ts'
import { mappedValues } from '../../../src/ingest/mapped-values.ts'
import { mappingInput } from '../../../src/ingest/mapping-input.ts'
import { seen, setUp } from './sink-set-up.ts'

function always(result: MappingResult): Mappings {
  return {
    has: () => true,
    evaluate: async (_subscription, inputs) => inputs.map(() => result),
    stop: async () => undefined,
  }
}

function mapped(values: Readonly<Record<string, unknown>>): Mappings {
  return always({
    outcome: 'mapped',
    values: Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, JSON.stringify(value)]),
    ),
  })
}

const invalid = always({
  outcome: 'invalid',
  reason: 'schema_invalid',
  problems: [{ path: 'total', message: 'must be number' }],
})

describe('a mapped message', () => {
  it('is stored as it was mapped', async () => {
    const values = {
      payload: { total: 2 },
      headers: { 'X-A': ['1', '2'] },
      key: 17,
      priority: 9,
      dedupe_key: 'order-1',
      ordering_key: 'customer-7',
      scheduled_at: '2030-06-01T00:00:00+02:00',
      tenant_id: 'acme',
      correlation_id: 'c',
      metadata: { shop: 'paris' },
    }
    const { deliver, rows } = setUp({
      subscription: { handler: 'order' },
      mappings: mapped(values),
    })
    const delivery = await deliver({ body: 'no JSON', identity: 'sent', facts: { path: '/in' } })
    expect(delivery).toMatchObject({ outcome: 'stored', status: 'scheduled' })
    expect(rows[0]).toMatchObject({
      headers: { 'X-A': ['1', '2'] },
      priority: 9,
      dedupeKey: 'in:order-1',
      orderingKey: 'customer-7',
      scheduledAt: new Date('2030-05-31T22:00:00Z'),
      tenantId: 'acme',
      correlationId: 'c',
      metadata: { subscription: 'in', path: '/in', key: '17', shop: 'paris' },
    })
    expect(seen(rows[0])).toEqual({ total: 2 })
  })

  it('stays as it was received where a key gave nothing', async () => {
    const { deliver, rows } = setUp({ mappings: mapped({ tenant_id: null }) })
    await deliver({ body: '{"a": 1.50}', identity: 'sent', correlationId: 'c' })
    expect(rows[0]).toMatchObject({
      payload: '{"a": 1.50}',
      dedupeKey: 'in:sent',
      correlationId: 'c',
      tenantId: undefined,
    })
  })

  it('of a text subscription stays text', async () => {
    const mappings = mapped({ payload: 'short' })
    const { deliver, rows } = setUp({ subscription: { contentType: 'text' }, mappings })
    await deliver({ body: 'long' })
    expect(seen(rows[0])).toBe('short')
  })

  it('whose payload its handler refuses is invalid', async () => {
    const mappings = mapped({ payload: { total: 'much' } })
    const { deliver, rows } = setUp({ subscription: { handler: 'order' }, mappings })
    expect(await deliver({})).toMatchObject({ outcome: 'invalid', problems: [{ path: 'total' }] })
    expect(rows).toEqual([])
  })
})

describe('a message that is not mapped', () => {
  it('is told as filtered, and not stored', async () => {
    const { deliver, rows } = setUp({ mappings: always({ outcome: 'filtered' }) })
    expect(await deliver({}, { onInvalid: 'dead' })).toEqual({ outcome: 'filtered' })
    expect(rows).toEqual([])
  })

  it.each([
    [undefined, 'reject', 'invalid'],
    [undefined, 'dead', 'dead'],
    ['dead', 'reject', 'dead'],
    ['drop', 'dead', 'invalid'],
  ] as const)(
    'with on_invalid %s and a delivery that asks for %s is %s',
    async (own, asked, outcome) => {
      const { deliver, rows } = setUp({ subscription: { onInvalid: own }, mappings: invalid })
      expect(await deliver({ identity: '1' }, { onInvalid: asked })).toMatchObject({ outcome })
      expect(rows.map(({ dead }) => dead?.reason)).toEqual(
        outcome === 'dead' ? ['schema_invalid'] : [],
      )
    },
  )

  it('leaves the key that is mapped to the one that corrects it', async () => {
    const mappings = mapped({ dedupe_key: 'order-1', payload: { total: 'much' } })
    const { deliver, rows } = setUp({ subscription: { handler: 'order' }, mappings })
    await deliver({ identity: 'sent' }, { onInvalid: 'dead' })
    expect(rows[0]?.dedupeKey).toBe('in:sent')
  })

  it('because expressions cannot be evaluated is not settled', async () => {
    const away = new CrossdockError('mapping_unavailable', 'away', { retryable: true })
    const mappings = { ...invalid, evaluate: async () => Promise.reject(away) }
    const { deliver, rows } = setUp({ mappings })
    await expect(deliver({}, { onInvalid: 'dead' })).rejects.toBe(away)
    expect(rows).toEqual([])
  })

  it('because it is not UTF-8 is invalid', async () => {
    const { deliver } = setUp({ mappings: mapped({}) })
    const delivery = await deliver({ body: Uint8Array.of(0xff) })
    expect(delivery).toMatchObject({
      outcome: 'invalid',
      problems: [{ message: 'is not valid UTF-8' }],
    })
  })
})

describe('a result that does not fit its column', () => {
  it.each([
    ['priority', 'x'],
    ['priority', 1.5],
    ['priority', 2e9],
    ['scheduled_at', 'tomorrow'],
    ['scheduled_at', '2030-01-01'],
    ['scheduled_at', -1],
    ['scheduled_at', 1e16],
    ['dedupe_key', { a: 1 }],
    ['dedupe_key', ''],
    ['dedupe_key', null],
    ['dedupe_key', 2 ** 53],
    ['dedupe_key', 'a\0'],
    ['ordering_key', 'x'.repeat(256)],
    ['ordering_key', ''],
    ['ordering_key', true],
    ['ordering_key', 'a\0'],
    ['tenant_id', 'x'.repeat(256)],
    ['tenant_id', ['a']],
    ['correlation_id', '\ud800'],
    ['headers', { a: 1 }],
    ['headers', []],
    ['metadata', 'x'],
    ['metadata', { a: '\0' }],
    ['key', true],
  ] as const)('%s: %j', (key, value) => {
    const checked = mappedValues({ [key]: JSON.stringify(value) }, key === 'dedupe_key')
    expect(checked).toMatchObject({ ok: false, problems: [{ path: `map.${key}` }] })
  })

  it('is none where it only ends in another type that is the same', () => {
    const checked = mappedValues(
      { dedupe_key: '17', ordering_key: '7', scheduled_at: '1893456000000' },
      true,
    )
    expect(checked).toMatchObject({
      ok: true,
      values: { dedupeKey: '17', orderingKey: '7', scheduledAt: new Date('2030-01-01T00:00:00Z') },
    })
  })
})

describe('what expressions see', () => {
  const message = {
    subscription: 'in',
    headers: {},
    body: Buffer.from('{}'),
    facts: { partition: 1, offset: '17', path: '/in', query: 'a=1' },
  }

  it('of HTTP is the request', () => {
    const query = { a: '1' }
    const params = { shop: 'paris' }
    const seenInput = mappingInput(
      { ...message, protocol: 'http', method: 'POST', query, params },
      'json',
      Date.UTC(2030, 0),
    )
    expect(seenInput?.facts).toMatchObject({ method: 'POST', path: '/in', query, params })
    expect(seenInput?.facts).not.toHaveProperty('topic')
    expect(seenInput?.facts['received_at']).toBe('2030-01-01T00:00:00.000Z')
  })

  it('of a broker is its topic', () => {
    const seenInput = mappingInput({ ...message, protocol: 'kafka', method: 't' }, 'binary', 0)
    expect(seenInput?.facts).toMatchObject({ topic: 't', partition: 1, offset: '17' })
    expect(seenInput?.facts).not.toHaveProperty('method')
    expect(seenInput?.payload).toEqual({ kind: 'base64', text: 'e30=' })
  })
})
