import { expect, it } from 'vitest'
import { z } from 'zod'
import { defineHandler, PermanentError } from '../../../src/index.ts'
import { post, send } from '../../e2e/http-client.ts'
import { until } from '../worker/harness.ts'
import { messages, publicationStatus, type HttpBed } from './harness.ts'

const failing = defineHandler({
  name: 'failing',
  input: z.object({ n: z.number() }),
  run: () => {
    throw new PermanentError('it can never be')
  },
})

/** What becomes of messages in the end, and what configuration alone does with them. */
export function settlingSuite(bed: HttpBed): void {
  it('that fail for good are dead letters, and a replay arrives once the target is back', async () => {
    const { url } = await bed.start({
      orders: { path: '/in', max_retries: 2, breaker: { failures: 3, open: '300ms' } },
    })
    const answer = { status: 503, headers: { 'x-request-id': 'r-1' }, body: 'overloaded' }
    bed.target.answer(() => answer)
    await bed.insert('orders', messages(1))
    const [dead] = await bed.ended(1)
    expect(dead).toMatchObject({
      statusid: 4,
      retrycount: 2,
      deadreason: 'retries_exhausted',
      lasterror: 'answered 503 Service Unavailable',
    })
    expect(await publicationStatus(url, 'http:orders')).toMatchObject({
      breaker: 'open',
      last_error: 'answered 503 Service Unavailable',
    })
    const id = String(dead?.['id'])
    const history = await send(`${url}/api/jobs/${id}/history`)
    expect(history.body['data']).toMatchObject(
      Array.from({ length: 3 }, () => ({
        status: 'failed',
        output: { status: 503, headers: { 'x-request-id': 'r-1' }, body: 'overloaded' },
      })),
    )
    const list = await send(`${url}/api/dead-letters`)
    expect(list.body['data']).toMatchObject([{ id, dead_reason: 'retries_exhausted' }])

    bed.target.answer(() => ({ status: 201, body: 'taken' }))
    const replay = await post(`${url}/api/dead-letters/${id}/replay`, {})
    expect([200, 202]).toContain(replay.status)
    const [, again] = await until(async () => {
      const rows = await bed.outbound()
      return rows[1]?.['statusid'] === 3 && rows
    }, 'the replay has arrived')
    expect(again).toMatchObject({ parentjobid: id })
    const last = bed.target.received.at(-1)
    expect(last).toMatchObject({ id: again?.['id'], path: '/in' })
    expect(last?.body.toString()).toBe('{"n":0}')
    expect(await publicationStatus(url, 'http:orders')).toMatchObject({
      breaker: 'closed',
      last_error: null,
    })
    const taken = await send(`${url}/api/jobs/${String(again?.['id'])}/history`)
    expect(taken.body['data']).toMatchObject([{ output: { status: 201, body: 'taken' } }])
  })

  it('have their path, query, headers and body from templates', async () => {
    await bed.start({
      orders: {
        method: 'PUT',
        path: '/orders/{{ payload.n }}/{{ key }}',
        query: { at: '{{ created_at }}', none: '{{ payload.nothing ? 1 : null }}', text: 'a&b' },
        headers: { 'x-kind': 'order {{ payload.n }}' },
        body: { number: '{{ payload.n }}', fixed: [1, 'id {{ id }}'] },
      },
    })
    await bed.insert('orders', [{ n: 7, key: 'a/ü' }])
    const [row] = await bed.ended(1)
    expect(row).toMatchObject({ statusid: 3 })
    const [request] = bed.target.received
    expect(request).toMatchObject({ method: 'PUT', id: row?.['id'] })
    expect(request?.path).toMatch(/^\/orders\/7\/a%2F%C3%BC\?at=20[^&]+Z&text=a%26b$/)
    expect(request?.headers).toMatchObject({
      'x-kind': 'order 7',
      'content-type': 'application/json',
    })
    expect(JSON.parse(request?.body.toString() ?? '')).toEqual({
      number: 7,
      fixed: [1, `id ${String(row?.['id'])}`],
    })
  })

  it('go from a subscription to a publication by a route alone, byte for byte', async () => {
    const { url } = await bed.start(
      { copies: { path: '/copies' } },
      {
        subscriptions: [{ name: 'scans', path: '/in/scans', content_type: 'binary' }],
        routes: [{ name: 'copy', from: 'http:scans', to: ['http:copies'] }],
      },
    )
    const body = Buffer.from(Array.from({ length: 1_024 }, (_, index) => index % 256))
    const answer = await send(`${url}/in/scans`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/x-scan', 'x-page': '3' },
    })
    expect(answer.status).toBe(202)
    const [row] = await bed.ended(1)
    expect(row).toMatchObject({ statusid: 3 })
    const [copy] = bed.target.received
    expect(copy?.body.equals(body)).toBe(true)
    expect(copy).toMatchObject({ path: '/copies', id: row?.['id'] })
    expect(copy?.headers).toMatchObject({ 'content-type': 'application/x-scan', 'x-page': '3' })
  })

  it('tell of dead letters: of a message that is none, and of a job that fails for good', async () => {
    const { url } = await bed.start(
      { dead: { path: '/dead' } },
      {
        handlers: [failing],
        subscriptions: [
          {
            name: 'orders',
            path: '/in/orders',
            handler: 'failing',
            on_invalid: 'dead',
            dead_letter: 'http:dead',
          },
        ],
      },
    )
    expect(await post(`${url}/in/orders`, { n: 'one' })).toMatchObject({
      status: 422,
      body: { code: 'dead_letter' },
    })
    await bed.ended(1)
    expect(await post(`${url}/in/orders`, { n: 1 })).toMatchObject({ status: 202 })
    const rows = await bed.ended(2)
    expect(rows.map((row) => row['statusid'])).toEqual([3, 3])
    const [invalid, failed] = bed.target.received
    expect(invalid?.body.toString()).toBe('{"n":"one"}')
    expect(invalid?.headers).toMatchObject({
      'crossdock-subscription': 'http:orders',
      'crossdock-attempts': '0',
      'idempotency-key': rows[0]?.['id'],
    })
    expect(failed?.body.toString()).toBe('{"n":1}')
    expect(failed?.headers).toMatchObject({
      'crossdock-dead-reason': 'permanent',
      'crossdock-dead-error': 'it can never be',
      'crossdock-attempts': '1',
      'crossdock-job-id': rows[1]?.['parentjobid'],
    })
  })
}
