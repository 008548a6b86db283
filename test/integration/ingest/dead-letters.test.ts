import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Store } from '../../../src/ports/store.ts'
import { claimNew, count, settlement } from '../../conformance/store/jobs.ts'
import type { TargetDatabase, TargetServer } from '../../conformance/store/target.ts'
import { SHARED_TARGETS } from '../shared-targets.ts'
import { startOrSkip } from '../../services/require.ts'
import { openIngest, type TestSubscription } from './set-up.ts'

const deadLetter = { protocol: 'kafka', publication: 'dead' } as const
const routes = [
  { name: 'alarms', to: [{ protocol: 'kafka', publication: 'alarms' }] },
  { name: 'audit', to: [{ protocol: 'mqtt', publication: 'audit' }] },
] as const

const ORDERS: TestSubscription = {
  name: 'orders',
  handler: 'order',
  contentType: 'json',
  routes,
  deadLetter,
  rules: {
    filter: 'payload.skip ? false : true',
    map: { tenant_id: { expression: 'headers.shop' } },
  },
  routeRules: { alarms: { filter: '$string(payload.total) > "3"' } },
}

describe.each(SHARED_TARGETS)('$name: dead letters', (target) => {
  let server: TargetServer | undefined
  let database: TargetDatabase
  let store: Store
  let opened: ReturnType<typeof openIngest>[] = []

  beforeAll(async () => {
    server = await startOrSkip(target.name, () => target.start())
    if (server === undefined) return
    database = await server.openDatabase()
    store = database.openStore()
  })

  beforeEach(async ({ skip }) => {
    if (server === undefined) return skip(`${target.name} is not available`)
    await database.sql('DELETE FROM job_histories')
    await database.sql('DELETE FROM queue_jobs')
  })

  afterEach(async () => {
    for (const each of opened) await each.close()
    opened = []
  })

  afterAll(async () => {
    if (server === undefined) return
    await store.close()
    await database.drop()
    await server.stop()
  })

  function open(...subscriptions: readonly TestSubscription[]) {
    const fresh = openIngest(store, subscriptions)
    opened.push(fresh)
    return fresh
  }

  it('tell their target in the commit that makes them, once, however often they are delivered', async () => {
    const { deliver } = open(ORDERS)
    const first = await deliver('orders', '{"total":"much"}', { identity: '1', key: 'k' })
    expect(first).toMatchObject({ outcome: 'dead' })
    expect(await deliver('orders', '{"total":"much"}', { identity: '1', key: 'k' })).toMatchObject({
      outcome: 'duplicate',
    })
    expect(await count(database, 'queue_jobs')).toBe(2)
    const [copy] = await database.sql("SELECT * FROM queue_jobs WHERE queue = 'kafka:dead'")
    expect(copy).toMatchObject({ handler: 'outbound.publish', orderingkey: 'kafka:dead k' })
    expect(Buffer.from(String(copy?.['payload']), 'base64').toString()).toBe('{"total":"much"}')
  })

  it('that were messages go through their subscription as it is now, with all their rows', async () => {
    const before = open(ORDERS)
    const dead = await before.deliver('orders', '{"sum":7}', {
      identity: '1',
      headers: { Shop: 'acme' },
      correlationId: 'c',
    })
    const id = String(dead && 'jobId' in dead && dead.jobId)
    expect(await before.deadLetters.replay(id)).toMatchObject({
      outcome: 'refused',
      reason: 'invalid',
      problems: [{ path: 'total' }],
    })
    const after = open({
      ...ORDERS,
      rules: {
        map: {
          payload: { expression: '{"total": payload.sum}' },
          tenant_id: { expression: 'headers.shop' },
        },
      },
    })
    expect(await after.deadLetters.replay(id, { dryRun: true })).toEqual({
      outcome: 'replayable',
      jobs: 3,
    })
    const replayed = await after.deadLetters.replay(id)
    expect(replayed).toMatchObject({ outcome: 'replayed', jobs: 3 })
    const jobId = String('jobId' in replayed && replayed.jobId)
    expect(await store.findJob(jobId)).toMatchObject({
      handler: 'order',
      status: 'pending',
      payload: '{"total":7}',
      parentJobId: id,
      metadata: { replay_of: id },
      tenantId: 'acme',
      correlationId: 'c',
    })
    expect(await count(database, 'queue_jobs', `parentjobid = '${id}'`)).toBe(4)
    expect(await after.deadLetters.replay(id)).toMatchObject({
      reason: 'already_replayed',
      jobId,
    })
    const { rows } = await after.deadLetters.list({ filter: {}, after: null, limit: 9 })
    expect(rows).toMatchObject([{ id, replayedAs: jobId }])
    expect(await after.deadLetters.replay(id, { force: true })).toMatchObject({
      outcome: 'replayed',
    })
  })

  it('without a handler are replayed by their routes, once', async () => {
    const bad = { map: { priority: { expression: 'payload.p' } } }
    const subscription = { name: 'in', contentType: 'json', routes } as const
    const before = open({ ...subscription, routeRules: { audit: bad } })
    const dead = await before.deliver('in', '{"p":"x"}', { identity: '1' })
    const id = String(dead && 'jobId' in dead && dead.jobId)
    expect(await store.findJob(id)).toMatchObject({ handler: 'outbound.route' })
    const after = open(subscription)
    const both = await Promise.all([after.deadLetters.replay(id), after.deadLetters.replay(id)])
    expect(both.map(({ outcome }) => outcome).toSorted()).toEqual(['refused', 'replayed'])
    expect(await count(database, 'queue_jobs', "handler = 'outbound.publish'")).toBe(2)
  })

  it('without a handler stand for their message: what is delivered again is known', async () => {
    const bad = { map: { priority: { expression: 'payload.p' } } }
    const subscription = { name: 'in', contentType: 'json', routes } as const
    const before = open({ ...subscription, routeRules: { audit: bad } })
    const dead = await before.deliver('in', '{"p":"x"}', { identity: '1' })
    const jobId = dead && 'jobId' in dead && dead.jobId
    const after = open({ ...subscription, routes: [routes[0]] })
    const again = await after.deliver('in', '{"p":"x"}', { identity: '1' })
    expect(again).toMatchObject({ outcome: 'duplicate', jobId })
    expect(await after.deadLetters.replay(String(jobId))).toMatchObject({ jobs: 1 })
    expect(await count(database, 'queue_jobs', "handler = 'outbound.publish'")).toBe(1)
    // And the other way round: what went its ways does not die later.
    await after.deliver('in', '{"p":"x"}', { identity: '2' })
    expect(await before.deliver('in', '{"p":"x"}', { identity: '2' })).toMatchObject({
      outcome: 'duplicate',
    })
  })

  it('without a handler whose message has come by its mapped key are not stored twice', async () => {
    const rules = { map: { dedupe_key: { expression: 'payload.id' } } }
    const bad = { map: { priority: { expression: 'payload.p' } } }
    const subscription = { name: 'in', contentType: 'json', routes, rules } as const
    const before = open({ ...subscription, routeRules: { audit: bad } })
    const dead = await before.deliver('in', '{"id":"a","p":"x"}')
    const good = await before.deliver('in', '{"id":"a","p":5}')
    expect(good).toMatchObject({ outcome: 'stored' })
    const { deadLetters } = open({ ...subscription, routes: [routes[1]] })
    expect(await deadLetters.replay(String(dead && 'jobId' in dead && dead.jobId))).toMatchObject({
      reason: 'duplicate',
      jobId: good && 'jobId' in good && good.jobId,
    })
  })

  it('whose corrected message has come by its mapped key are not stored twice', async () => {
    const rules = { map: { dedupe_key: { expression: 'payload.id' } } }
    const { deliver, deadLetters } = open({ ...ORDERS, rules })
    const dead = await deliver('orders', '{"id":"a","total":"x"}')
    const good = await deliver('orders', '{"id":"a","total":5}')
    expect(good).toMatchObject({ outcome: 'stored' })
    await database.sql("UPDATE queue_jobs SET payload = ? WHERE deadreason = 'invalid'", [
      Buffer.from('{"id":"a","total":5}').toString('base64'),
    ])
    expect(await deadLetters.replay(String(dead && 'jobId' in dead && dead.jobId))).toMatchObject({
      reason: 'duplicate',
      jobId: good && 'jobId' in good && good.jobId,
    })
  })

  it('that failed for good are made again as they were', async () => {
    const { deadLetters } = open(ORDERS)
    const columns = {
      handler: 'outbound.publish',
      direction: 'outbound',
      protocol: 'kafka',
      method: 'alarms',
      queue: 'kafka:alarms',
      payload: 'AAE=',
      payloadEncoding: 'base64',
      contentType: 'image/png',
      headers: { a: 'b' },
      metadata: { key: 'k', subscription: 'orders' },
      orderingKey: 'kafka:alarms k',
      tenantId: 't',
      maxRetries: 2,
      priority: 4,
    } as const
    await store.insertJobs({ jobs: [{ id: 'job-1', ...columns }], again: false })
    await store.giveTurns([{ orderingKey: 'kafka:alarms k', tenantId: 't' }])
    const [claimed] = await store.claim({
      queue: 'kafka:alarms',
      limit: 1,
      owner: 'o',
      leaseMs: 9_000,
      after: null,
    })
    const ending = { kind: 'failed', error: 'refused', deadReason: 'retries_exhausted' } as const
    await store.settle([settlement(claimed!, ending)])
    const replayed = await deadLetters.replay('job-1')
    const jobId = String('jobId' in replayed && replayed.jobId)
    expect(await store.findJob(jobId)).toMatchObject({
      ...columns,
      parentJobId: 'job-1',
      retryCount: 0,
    })
    expect(await deadLetters.replay('job-1')).toMatchObject({ reason: 'already_replayed' })
  })

  it('alone are replayed', async () => {
    const { deadLetters } = open(ORDERS)
    const running = await claimNew(store)
    expect(await deadLetters.replay(running.jobId)).toMatchObject({ reason: 'not_a_dead_letter' })
    expect(await deadLetters.replay('nobody')).toMatchObject({ reason: 'job_not_found' })
  })

  it('are replayed by filter, oldest first, with counts, and not those that die of it', async () => {
    const before = open(ORDERS)
    for (let n = 1; n <= 120; n += 1) await before.deliver('orders', `{"n":${n}}`)
    const gone = open(ORDERS, { name: 'gone', handler: 'order', contentType: 'json' })
    await gone.deliver('gone', '{}')
    const { deadLetters } = open({
      ...ORDERS,
      routes: [],
      rules: { map: { payload: { expression: 'payload.n = 60 ? {} : {"total": payload.n}' } } },
    })
    const trial = await deadLetters.replayAll(
      { filter: {}, after: null, limit: 1_000 },
      { dryRun: true },
    )
    expect(trial).toMatchObject({ tried: 121, replayed: 119, refused: 2, alreadyReplayed: 0 })
    const steps: number[] = []
    const counts = await deadLetters.replayAll(
      { filter: { subscription: 'orders' }, after: null, limit: 1_000 },
      {},
      ({ tried }) => steps.push(tried),
    )
    expect(counts).toMatchObject({ tried: 120, replayed: 119, refused: 1, next: null })
    expect(steps.length).toBeGreaterThan(1)
    const again = await deadLetters.replayAll({ filter: {}, after: null, limit: 1_000 })
    expect(again).toMatchObject({ tried: 2, replayed: 0, alreadyReplayed: 119, refused: 2 })
    expect(again.refusals.map(({ reason }) => reason)).toEqual(['invalid', 'subscription_unknown'])
    const rows = await database.sql(
      "SELECT payload FROM queue_jobs WHERE parentjobid IS NOT NULL AND handler = 'order' ORDER BY seq",
    )
    const totals = rows.map(
      ({ payload }) => (JSON.parse(String(payload)) as { total: number }).total,
    )
    expect(totals).toEqual(totals.toSorted((a, b) => a - b))
    expect(totals).toHaveLength(119)
  })

  it('and rows are all that hostile bodies become: each has a clear end, and none is lost', async () => {
    const { deliver } = open({
      ...ORDERS,
      rules: {
        schema: '{"type":"object"}',
        filter: 'payload.skip ? false : true',
        map: { key: { expression: 'payload.key' }, headers: { expression: 'payload.headers' } },
      },
      routeRules: {
        alarms: { map: { payload: { expression: 'payload.total * 2' } } },
        audit: { filter: 'payload.total > 1' },
      },
    })
    const bodies = hostileBodies(process.env['CROSSDOCK_TEST_LONG'] === undefined ? 200 : 1_000)
    const deliveries = await Promise.all(
      bodies.map((body, index) =>
        deliver('orders', body, {
          identity: String(index),
          key: index % 7 === 0 ? '\uD800' : 'k',
        }),
      ),
    )
    const outcomes = Map.groupBy(deliveries, (delivery) => delivery?.outcome)
    const stored = outcomes.get('stored')?.length ?? 0
    const dead = outcomes.get('dead')?.length ?? 0
    const filtered = outcomes.get('filtered')?.length ?? 0
    expect(stored + dead + filtered).toBe(bodies.length)
    expect(Math.min(stored, dead, filtered)).toBeGreaterThan(0)
    const inbound = "direction = 'inbound'"
    expect(await count(database, 'queue_jobs', inbound)).toBe(stored + dead)
    expect(await count(database, 'queue_jobs', "queue = 'kafka:dead'")).toBe(dead)
    expect(await count(database, 'queue_jobs', "queue = 'kafka:alarms'")).toBe(stored)
  })
})

/** Bodies that somebody might send who means no good, and some good ones among them. */
function hostileBodies(howMany: number): readonly (string | Uint8Array)[] {
  const kinds: readonly ((n: number) => string | Uint8Array)[] = [
    (n) => `{"total":${n + 2},"key":"k${n}"}`,
    (n) => `{"total":${n + 2},"skip":true}`,
    () => '',
    () => '{',
    () => 'null',
    () => '[]',
    (n) => Uint8Array.of(0xff, 0xfe, n % 256, 0),
    () => '{"total":1e400}',
    () => '{"total":"\\u0000"}',
    () => '{"total":3,"key":"a\\u0000b"}',
    () => '{"total":3,"key":"\\ud800"}',
    () => '{"total":3,"headers":{"a":{"b":"c"}}}',
    () => '{"total":3,"headers":{"a":"x\\u0000"}}',
    () => '{"__proto__":{"total":3}}',
    () => '{"_jsonata_function":true,"total":3}',
    () => `{"total":${'['.repeat(5_000)}${']'.repeat(5_000)}}`,
    (n) => `{"total":3,"key":"${'x'.repeat(9_000 + n)}"}`,
    () => `{"total":3,"key":"${'x'.repeat(20_000)}"}`,
    () => `{"total":3,"headers":{"'; DROP TABLE queue_jobs; --":"x"}}`,
    () => `{"total":9007199254740993}`,
  ]
  return Array.from({ length: howMany }, (_, n) => kinds[n % kinds.length]!(n))
}
