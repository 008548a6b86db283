import { expect, test } from 'vitest'
import { printConfiguration } from '../../../src/config/print.ts'
import { httpAdapter, load, problemsOf } from './load-from.ts'

const redis = (...nodes: readonly string[]): string =>
  JSON.stringify({ cache: { adapter: 'redis', redis: { nodes } } })

test('there is no cache unless one is asked for; Redis is looked for on this machine', async () => {
  const expected = { redis: { nodes: ['redis://127.0.0.1:6379'], keyPrefix: 'crossdock' } }
  expect((await load('{}')).configuration.cache).toEqual({ adapter: 'none', ...expected })
  const { configuration } = await load('{ "cache": { "adapter": "redis" } }')
  expect(configuration.cache).toEqual({ adapter: 'redis', ...expected })
  expect(configuration.warnings).toEqual([])
})

test('nodes and the prefix are taken as they are written', async () => {
  const nodes = ['redis://a', 'rediss://user:p%40ss@b:6380/3', 'redis://:pw@[::1]:6379/']
  const { configuration } = await load(
    JSON.stringify({ cache: { adapter: 'redis', redis: { nodes, key_prefix: 'shop.test' } } }),
  )
  expect(configuration.cache).toEqual({
    adapter: 'redis',
    redis: { nodes, keyPrefix: 'shop.test' },
  })
  expect(configuration.warnings).toEqual([])
})

test('a list of nodes may come from one variable', async () => {
  const { configuration } = await load(
    '{ "cache": { "adapter": "redis", "redis": { "nodes": "${NODES}" } } }',
    { env: { NODES: '["redis://a", "redis://b", "redis://c"]' } },
  )
  expect(configuration.cache.redis.nodes).toEqual(['redis://a', 'redis://b', 'redis://c'])
})

test.each([
  ['127.0.0.1:6379', 'is no address of a'],
  ['http://127.0.0.1', 'is no address of a Redis server'],
  ['redis://:hunter2 x@a', 'is no address of a server'],
  ['redis://:hunter2@', 'is no address of a server'],
  ['redis://:hunter2@a/jobs', 'names no database by its number'],
  ['redis://:hunter2@a?db=3', 'takes nothing after a "?"'],
  ['redis://:hunter2%@a', 'begins no percent-encoded character'],
])('the address %s is refused, and not shown', async (address, words) => {
  const problems = await problemsOf(redis(address))
  expect(problems).toEqual([expect.stringContaining('cache.redis.nodes[0]: ')])
  expect(problems[0]).toContain(words)
  expect(problems[0]).not.toContain('hunter2')
})

test('an empty list of nodes, an unknown adapter and a strange prefix are refused', async () => {
  expect(await problemsOf(redis())).toEqual([
    expect.stringContaining('must be a list of at least one address'),
  ])
  expect(await problemsOf('{ "cache": { "adapter": "memcached" } }')).toEqual([
    expect.stringContaining('must be one of "redis", "none"'),
  ])
  expect(await problemsOf('{ "cache": { "redis": { "key_prefix": "a b" } } }')).toHaveLength(1)
})

test('one server named twice is refused, whatever its user, its database and its port look like', async () => {
  const problems = await problemsOf(
    redis('redis://Host', 'redis://other', 'rediss://:hunter2@host:6379/1'),
  )
  expect(problems).toEqual([
    expect.stringContaining('nodes[2]: is the same server as cache.redis.nodes[0]'),
  ])
  expect(problems[0]).not.toContain('hunter2')
})

test('an even number of nodes is warned of', async () => {
  const { configuration } = await load(redis('redis://a', 'redis://b'))
  expect(configuration.warnings).toEqual([
    expect.stringContaining("'cache.redis.nodes' has 2 nodes"),
  ])
})

test('settings of Redis that are not used are warned of, and jobs.use_redis with them', async () => {
  const { configuration } = await load(
    '{ "cache": { "redis": { "nodes": ["redis://a", "redis://b"] } }, "jobs": { "use_redis": true } }',
  )
  expect(configuration.warnings).toEqual([
    expect.stringContaining("'jobs.use_redis' has no effect"),
    expect.stringContaining("'cache.redis' has no effect"),
  ])
  const used = await load('{ "cache": { "adapter": "redis" }, "jobs": { "use_redis": true } }')
  expect(used.configuration.warnings).toEqual([])
})

test.each([
  ['the file', redis('redis://app:hunter2@a:6379/0', 'redis://:hunter2@b', 'redis://c'), {}],
  [
    'variables',
    '{ "cache": { "adapter": "redis", "redis": { "nodes": ["${A}", "redis://:${B_PASSWORD}@b", "redis://c"] } } }',
    { A: 'redis://app:hunter2@a:6379/0', B_PASSWORD: 'hunter2' },
  ],
])('passwords of nodes from %s are masked', async (_from, text, env) => {
  const printed = printConfiguration(await load(text, { env }), [httpAdapter])
  expect(printed).not.toContain('hunter2')
  expect(JSON.parse(printed)).toMatchObject({
    cache: {
      redis: {
        nodes: ['redis://app:***@a:6379/0', 'redis://:***@b', 'redis://c'],
        key_prefix: 'crossdock',
      },
    },
  })
})

test('passwords are masked also where one variable has the whole list', async () => {
  const printed = printConfiguration(
    await load('{ "cache": { "adapter": "redis", "redis": { "nodes": "${NODES}" } } }', {
      env: { NODES: '["redis://:hunter2@a", "redis://app:hunter2@b"]' },
    }),
    [httpAdapter],
  )
  expect(printed).not.toContain('hunter2')
})
