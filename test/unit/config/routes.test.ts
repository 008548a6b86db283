import { describe, expect, it } from 'vitest'
import { load, problemsOf } from './load-from.ts'

const HTTP = {
  connections: { far: { base_url: 'http://localhost:1' } },
  subscriptions: [{ name: 'orders', path: '/in' }],
  publications: { shop: {}, audit: {} },
}

function withRoutes(routes: unknown, http: object = HTTP): string {
  return JSON.stringify({ integrations: { http }, routes })
}

describe('routes', () => {
  it('belong to the subscription that they begin at', async () => {
    const { configuration } = await load(
      withRoutes([
        {
          name: 'r',
          from: 'http:orders',
          to: ['http:shop', 'http:audit'],
          filter: 'payload.a',
          map: { key: 'payload.id', tenant_id: { value: 'acme' } },
        },
      ]),
    )
    expect(configuration.subscriptions[0]).toMatchObject({
      name: 'orders',
      handler: undefined,
      routes: [
        {
          name: 'r',
          to: [
            { protocol: 'http', publication: 'shop' },
            { protocol: 'http', publication: 'audit' },
          ],
          filter: 'payload.a',
          map: { key: { expression: 'payload.id' }, tenant_id: { value: 'acme' } },
        },
      ],
    })
  })

  it.each([
    [
      'a subscription that is not there',
      [{ name: 'r', from: 'http:order', to: ['http:shop'] }],
      'routes[0].from: there is no subscription "http:order"; did you mean http:orders?',
    ],
    [
      'a publication that is not there',
      [{ name: 'r', from: 'http:orders', to: ['http:shp'] }],
      'routes[0].to[0]: there is no publication "http:shp"; did you mean http:shop?',
    ],
    [
      'the right name of another protocol',
      [{ name: 'r', from: 'http:orders', to: ['kafka:audit'] }],
      'routes[0].to[0]: there is no publication "kafka:audit"; did you mean http:audit?',
    ],
    [
      'two routes of one name',
      [
        { name: 'r', from: 'http:orders', to: ['http:shop'] },
        { name: 'r', from: 'http:orders', to: ['http:audit'] },
      ],
      'routes[1].name: has the same value as routes[0].name',
    ],
    [
      'two routes that make one row',
      [
        { name: 'r', from: 'http:orders', to: ['http:shop'] },
        { name: 's', from: 'http:orders', to: ['http:shop'] },
      ],
      'routes[1].to[0]: has the same value as routes[0].to[0]; both would make the same row',
    ],
    [
      'a route that makes a row twice',
      [{ name: 'r', from: 'http:orders', to: ['http:shop', 'http:shop'] }],
      'routes[0].to[1]: has the same value as routes[0].to[0]',
    ],
    [
      'an address without a protocol',
      [{ name: 'r', from: 'http:orders', to: ['shop'] }],
      'an address such as "kafka:orders"',
    ],
    [
      'an expression that is none',
      [{ name: 'r', from: 'http:orders', to: ['http:shop'], filter: 'payload.a >' }],
      'routes[0].filter: is no JSONata expression',
    ],
    [
      'a key for the identity, which is its subscription’s',
      [{ name: 'r', from: 'http:orders', to: ['http:shop'], map: { dedupe_key: 'payload.id' } }],
      'routes[0].map.dedupe_key: unknown key',
    ],
  ])('are refused with %s', async (_, routes, problem) => {
    expect((await problemsOf(withRoutes(routes))).join('\n')).toContain(problem)
  })

  it('or a handler: a subscription with neither leads nowhere', async () => {
    expect(await problemsOf(withRoutes([]))).toEqual([
      expect.stringContaining(
        'subscriptions[0].handler: is missing: its messages lead nowhere; name a handler, or add a route with "from": "http:orders"',
      ),
    ])
  })
})

describe('dead_letter', () => {
  const orders = { name: 'orders', path: '/in', handler: 'h' }

  it('is a publication', async () => {
    const http = { ...HTTP, subscriptions: [{ ...orders, dead_letter: 'http:audit' }] }
    const { configuration } = await load(withRoutes([], http))
    expect(configuration.subscriptions[0]?.deadLetter).toEqual({
      protocol: 'http',
      publication: 'audit',
    })
  })

  it('is refused when there is no such publication', async () => {
    const http = { ...HTTP, subscriptions: [{ ...orders, dead_letter: 'http:adit' }] }
    expect(await problemsOf(withRoutes([], http))).toEqual([
      expect.stringContaining('dead_letter: there is no publication "http:adit"; did you mean'),
    ])
  })
})
