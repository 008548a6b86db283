import { afterAll, describe, expect, it } from 'vitest'
import { createMappings } from '../../../src/expressions/mappings.ts'
import type { SubscriptionSettings } from '../../../src/ingest/subscription-settings.ts'
import { type MappingRules, type Mappings, rulesOfRoute } from '../../../src/ports/expressions.ts'
import { systemClock } from '../../../src/app/system-clock.ts'
import { silentLog } from './fake-store.ts'
import { setUp } from './sink-set-up.ts'

const SCRIPT = new URL('../../../src/app/expression-process.ts', import.meta.url)

const opened: Mappings[] = []
afterAll(async () => {
  for (const mappings of opened) await mappings.stop()
})

/** A sink whose subscription `in` has the routes of `rules`, each to `kafka:<route>`. */
function withRoutes(
  rules: Readonly<Record<string, MappingRules>>,
  { own = {}, ...subscription }: Partial<SubscriptionSettings> & { own?: MappingRules } = {},
) {
  const mappings = createMappings({
    ruleSets: [
      { name: 'in', rules: own },
      ...Object.entries(rules).map(([name, one]) => ({ name: rulesOfRoute(name), rules: one })),
    ],
    script: SCRIPT,
    clock: systemClock,
    log: silentLog,
  })
  opened.push(mappings)
  const routes = Object.keys(rules).map((name) => ({
    name,
    to: [{ protocol: 'kafka' as const, publication: name }],
  }))
  return setUp({ mappings, subscription: { handler: undefined, routes, ...subscription } })
}

describe('a message with routes', () => {
  it('goes on as a tombstone where it is one, unless a map gives it a payload', async () => {
    const map = { payload: { expression: '{"deleted": key}' } }
    const { deliver, rows } = withRoutes({ plain: {}, mapped: { map } }, { handler: 'anything' })
    await deliver({ body: 'null', key: 'k', facts: { tombstone: true } })
    expect(rows.map(({ method, payload }) => [method, payload])).toEqual([
      [rows[0]?.method, 'null'],
      ['plain', undefined],
      ['mapped', '{"deleted":"k"}'],
    ])
  })

  it('becomes a row for its handler, and one for each target', async () => {
    const { deliver, rows } = withRoutes({ alarms: {}, audit: {} }, { handler: 'anything' })
    const delivery = await deliver({
      body: '{"t":1}',
      identity: 'a/1',
      key: 'k',
      contentType: 'application/json',
      correlationId: 'c',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      headers: { 'X-Shop': 'a' },
      facts: { path: '/in' },
    })
    expect(delivery).toEqual({ outcome: 'stored', jobId: 'id-1', status: 'pending' })
    expect(rows.map(({ handler, dedupeKey }) => [handler, dedupeKey])).toEqual([
      ['anything', 'in:a/1'],
      ['outbound.publish', 'in:a/1>kafka:alarms'],
      ['outbound.publish', 'in:a/1>kafka:audit'],
    ])
    expect(rows[1]).toEqual({
      id: 'id-2',
      handler: 'outbound.publish',
      type: 'integration',
      direction: 'outbound',
      protocol: 'kafka',
      method: 'alarms',
      queue: 'kafka:alarms',
      payload: '{"t":1}',
      contentType: 'application/json',
      headers: { 'X-Shop': 'a' },
      metadata: { path: '/in', key: 'k', subscription: 'in', route: 'alarms' },
      orderingKey: 'kafka:alarms k',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      correlationId: 'c',
      dedupeKey: 'in:a/1>kafka:alarms',
    })
  })

  it('and no handler is told by the row of its first target', async () => {
    const { deliver, rows } = withRoutes({ alarms: {}, audit: {} })
    expect(await deliver({ key: 'k' })).toEqual({
      outcome: 'stored',
      jobId: 'id-1',
      status: 'queued',
    })
    expect(rows.map(({ method }) => method)).toEqual(['alarms', 'audit'])
  })

  it('and no handler has the key of its message in its first row, as its dead letter would', async () => {
    const { deliver, rows } = withRoutes({
      never: { filter: 'false' },
      alarms: {},
      audit: { map: { priority: { expression: 'payload.p' } } },
    })
    await deliver({ identity: '1', body: '{"p":1}' })
    await deliver({ identity: '1', body: '{"p":"x"}' }, { onInvalid: 'dead' })
    expect(rows.map(({ handler, dedupeKey }) => [handler, dedupeKey])).toEqual([
      ['outbound.publish', 'in:1'],
      ['outbound.publish', 'in:1>kafka:audit'],
      ['outbound.route', 'in:1'],
    ])
  })

  it('goes the ways that want it, with what the subscription’s map made', async () => {
    const { deliver, rows } = withRoutes(
      {
        hot: { filter: 'payload.t > 30', map: { payload: { expression: '{"hot": payload.t}' } } },
        cold: { filter: 'payload.t < 0' },
        all: { map: { key: { expression: 'headers.shop & key' } } },
      },
      {
        own: {
          map: {
            payload: { expression: '{"t": payload.temp}' },
            headers: { expression: '{"shop": "s"}' },
            key: { expression: '"sensor"' },
            tenant_id: { value: 'acme' },
          },
        },
      },
    )
    await deliver({ body: '{"temp": 31}', headers: { Authorization: 'secret' } })
    expect(
      rows.map(({ method, payload, metadata, tenantId, headers }) => [
        method,
        payload,
        metadata?.['key'],
        tenantId,
        headers,
      ]),
    ).toEqual([
      ['hot', '{"hot":31}', 'sensor', 'acme', { shop: 's' }],
      ['all', '{"t":31}', 'ssensor', 'acme', { shop: 's' }],
    ])
  })

  it('that no route wants, and no handler, is filtered out', async () => {
    const { deliver, rows } = withRoutes({ hot: { filter: 'payload.t > 30' } })
    expect(await deliver({ body: '{"t":1}' })).toEqual({ outcome: 'filtered' })
    expect(rows).toEqual([])
  })

  it('is one dead letter with its bytes when one of its rows is invalid', async () => {
    const { deliver, rows } = withRoutes(
      { good: {}, bad: { map: { priority: { expression: 'payload.t' } } } },
      { handler: 'anything' },
    )
    const delivery = await deliver(
      { body: '{"t":"x"}', identity: '1', headers: { a: 'b\0' }, query: { q: '1' } },
      { onInvalid: 'dead' },
    )
    expect(delivery).toEqual({ outcome: 'dead', jobId: 'id-1' })
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({
      handler: 'anything',
      dedupeKey: 'in:1',
      dead: { reason: 'mapping_failed' },
      headers: { a: 'b\uFFFD' },
      metadata: { subscription: 'in', received: { query: { q: '1' } } },
    })
    expect(rows[0]?.dead?.error).toContain('routes.bad.map.priority: ')
    expect(Buffer.from(rows[0]?.payload ?? '', 'base64').toString()).toBe('{"t":"x"}')
  })

  it('takes no secrets and nothing of its connection along', async () => {
    const { deliver, rows } = withRoutes({ alarms: {} })
    const stay = {
      Host: 'h',
      'Content-Length': '2',
      Connection: 'close',
      'Content-Type': 'text/plain',
      authorization: 'Bearer x',
      Cookie: 'a=b',
      'X-Api-Key': 'k',
      'x-hub-signature-256': 'sha256=x',
      'webhook-signature': 'v1,x',
      'X-Gitlab-Token': 't',
      'X-Forwarded-For': '10.0.0.1',
      'Idempotency-Key': '1',
      traceparent: '00-0-0-0',
    }
    await deliver({ headers: { ...stay, 'X-Event': 'push', 'webhook-id': 'm1' } })
    expect(rows[0]?.headers).toEqual({ 'X-Event': 'push', 'webhook-id': 'm1' })
  })

  it('whose identity looks like the key of a row has a key of its own', async () => {
    const { deliver, rows } = withRoutes({ alarms: {} }, { handler: 'anything' })
    await deliver({ identity: '1' })
    await deliver({ identity: '1>kafka:alarms' })
    expect(rows[1]?.dedupeKey).toBe('in:1>kafka:alarms')
    expect(rows[2]?.dedupeKey).toMatch(/^sha256:/)
  })
})

describe('dead_letter', () => {
  const deadLetter = { protocol: 'kafka' as const, publication: 'dead' }

  it('is sent the raw bytes in the commit of the dead letter, with headers that say why', async () => {
    const { deliver, rows } = withRoutes({}, { handler: 'order', deadLetter, routes: [], own: {} })
    const delivery = await deliver(
      {
        body: '{"total":"much"}',
        key: 'k',
        contentType: 'application/json',
        headers: { 'X-Shop': 'a', Authorization: 'secret', 'crossdock-dead-reason': 'forged' },
      },
      { onInvalid: 'dead' },
    )
    expect(delivery).toEqual({ outcome: 'dead', jobId: 'id-2' })
    expect(rows[1]).toMatchObject({
      handler: 'outbound.publish',
      queue: 'kafka:dead',
      parentJobId: 'id-2',
      contentType: 'application/json',
      payloadEncoding: 'base64',
      headers: {
        'X-Shop': 'a',
        'crossdock-dead-reason': 'invalid',
        'crossdock-subscription': 'http:in',
        'crossdock-handler': 'order',
        'crossdock-job-id': 'id-2',
        'crossdock-attempts': '0',
      },
      metadata: { key: 'k', dead_letter_of: 'id-2' },
    })
    expect(rows[1]?.headers?.['crossdock-dead-error']).toContain('total: ')
    expect(JSON.stringify(rows[1])).not.toContain('secret')
    expect(Buffer.from(rows[1]?.payload ?? '', 'base64').toString()).toBe('{"total":"much"}')
  })

  it('never makes a dead letter be refused for data of the message', async () => {
    const { deliver, rows } = withRoutes({}, { handler: 'order', deadLetter, routes: [] })
    await deliver(
      { body: 'x', key: 'a\0\uD800', headers: { '\0': '\uD800' }, method: '\0m' },
      { onInvalid: 'dead' },
    )
    expect(rows).toHaveLength(2)
    expect(JSON.stringify(rows)).not.toMatch(/\\u0000|\\ud800/i)
  })
})
