import { expect, it } from 'vitest'
import { until } from '../worker/harness.ts'
import { messages, publicationStatus, type HttpBed } from './harness.ts'
import type { ReceivedRequest, TargetAnswer } from './target.ts'

/** What each message meets the first time it comes. */
const TROUBLES: readonly (() => TargetAnswer)[] = [
  () => 500,
  () => ({ status: 429, headers: { 'retry-after': '1' } }),
  () => 503,
  () => 'hang',
  () => 'reset',
  () => 'half head',
  // In whole seconds, as the clock that sends it along.
  () => ({ status: 503, headers: { 'retry-after': new Date(Date.now() + 2_000).toUTCString() } }),
  () => ({ status: 500, body: 'x'.repeat(10_000) }),
]

const numberOf = ({ body }: ReceivedRequest): number =>
  (JSON.parse(body.toString()) as { n: number }).n

/** What targets do, and that nothing is lost by it. */
export function troubleSuite(bed: HttpBed): void {
  it('arrive in order of their key, under one id, whatever the target does first', async () => {
    await bed.start({
      orders: { path: '/in', timeout_ms: 400, max_retries: 5, breaker: { failures: 1_000 } },
    })
    bed.target.answer((request) => {
      const trouble = TROUBLES[numberOf(request) % TROUBLES.length]
      return request.visit === 1 && trouble !== undefined ? trouble() : 200
    })
    // Three keys, so that each meets every one of eight troubles.
    await bed.insert('orders', messages(24, 3))
    const rows = await bed.ended(24)
    expect(rows.map((row) => [row['statusid'], row['retrycount']])).toEqual(rows.map(() => [3, 1]))
    const { received } = bed.target
    expect(received).toHaveLength(48)
    const idOf = new Map(rows.map((row) => [String(row['payload']), row['id']]))
    for (const { body, id } of received) expect(id).toBe(idOf.get(body.toString()))
    for (let key = 0; key < 3; key += 1) {
      const order = received.map(numberOf).filter((n) => n % 3 === key)
      // Twice each, and none between a message and its repeat.
      expect(order).toEqual(
        Array.from({ length: 16 }, (_, index) => key + 3 * Math.floor(index / 2)),
      )
    }
    for (const first of received.filter((one) => one.visit === 1)) {
      const again = received.find((one) => one.id === first.id && one.visit === 2)
      const waited = (again?.at ?? 0) - first.at
      const trouble = numberOf(first) % TROUBLES.length
      if (trouble === 1 || trouble === 6) expect(waited).toBeGreaterThanOrEqual(1_000)
    }
  })

  it('of which one hangs let the others end, and those of another publication leave', async () => {
    await bed.start({
      orders: { path: '/orders', timeout_ms: 60_000 },
      quick: { path: '/quick', timeout_ms: 60_000 },
    })
    bed.target.answer((request) =>
      request.path === '/orders' && numberOf(request) === 7 ? 'hang' : 200,
    )
    await bed.insert('orders', messages(50))
    const completed = async (publication: string): Promise<number> =>
      (await bed.outbound()).filter((row) => row['method'] === publication && row['statusid'] === 3)
        .length
    await until(async () => (await completed('orders')) === 49, 'the others have ended', 5_000)

    // Then all of its places hang.
    bed.target.answer(({ path }) => (path === '/orders' ? 'hang' : 200))
    await bed.insert('orders', messages(100))
    await until(
      () => bed.target.received.filter(({ path }) => path === '/orders').length === 50 + 19,
      'as many as there may be connections hang',
    )
    const before = Date.now()
    await bed.insert('quick', messages(20))
    await until(async () => (await completed('quick')) === 20, 'the quick ones have ended', 5_000)
    const last = bed.target.received.findLast(({ path }) => path === '/quick')
    expect((last?.at ?? Infinity) - before).toBeLessThan(2_000)
    expect(await completed('orders')).toBe(49)
  })

  it('wait while connections are refused, and no attempt is counted for it', async () => {
    const { url } = await bed.start({
      orders: { path: '/in', max_retries: 0, breaker: { failures: 2, open: '150ms' } },
    })
    await bed.target.goAway()
    await bed.insert('orders', messages(30, 3))
    const status = await until(async () => {
      const now = await publicationStatus(url, 'http:orders')
      return now['breaker'] === 'open' && now
    }, 'it rests')
    expect(status['last_error']).toContain('ECONNREFUSED')
    // Several tries long.
    await new Promise((resolve) => setTimeout(resolve, 800))
    expect((await bed.outbound()).filter((row) => row['statusid'] === 3)).toEqual([])
    await bed.target.comeBack()
    const rows = await bed.ended(30)
    expect(rows.every((row) => row['statusid'] === 3 && row['retrycount'] === 0)).toBe(true)
    const histories = await bed.database.sql('SELECT statusid FROM job_histories')
    expect(histories).toEqual(rows.map(() => ({ statusid: 3 })))
    const arrived = bed.target.received.map(numberOf)
    for (let key = 0; key < 3; key += 1) {
      const mine = arrived.filter((n) => n % 3 === key)
      expect(mine).toEqual(mine.toSorted((a, b) => a - b))
    }
    expect(await publicationStatus(url, 'http:orders')).toMatchObject({ breaker: 'closed' })
  })

  it('take no memory while they wait, nor do answers that never end', async () => {
    await bed.start(
      { orders: { path: '/in', timeout_ms: 60_000 } },
      { connection: { max_connections: 10 } },
    )
    const release = Promise.withResolvers<TargetAnswer>()
    bed.target.answer(() => release.promise)
    const before = process.memoryUsage().rss
    // 150 MB of text.
    const row = "('outbound', 'outbound.publish', 'http', 'orders', repeat('x', 500000))"
    for (let count = 0; count < 300; count += 20) {
      await bed.database.sql(`INSERT INTO queue_jobs (direction, handler, protocol, method, payload)
        VALUES ${Array.from({ length: 20 }, () => row).join(', ')}`)
    }
    await until(() => bed.target.received.length === 10, 'as many as there may be connections')
    const [claimed] = await bed.database.sql(
      'SELECT count(*) AS n FROM queue_jobs WHERE statusid = 2',
    )
    expect(Number(claimed?.['n'])).toBeLessThanOrEqual(20)
    expect(process.memoryUsage().rss - before).toBeLessThan(100e6)
    await bed.database.sql('DELETE FROM queue_jobs WHERE statusid = 0')
    release.resolve('endless body')
    await until(
      async () => (await bed.outbound()).every((row) => row['statusid'] === 3),
      'the status alone settles them',
    )
    expect(process.memoryUsage().rss - before).toBeLessThan(150e6)
  })
}
