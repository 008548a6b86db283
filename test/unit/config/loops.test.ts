import { expect, it } from 'vitest'
import { z } from 'zod'
import { configurationFromObject } from '../../../src/config/load.ts'
import { mappingCheck } from '../../../src/expressions/check.ts'
import type { AdapterDefinition } from '../../../src/ports/adapter.ts'

/** An adapter of a broker: its options alone matter here. */
const broker: AdapterDefinition = {
  protocol: 'mqtt',
  subscriptionOptions: z.object({
    topics: z.array(z.union([z.string(), z.object({ topic: z.string() })])),
  }),
  connectionOptions: z.object({ url: z.string() }),
  publicationOptions: z.object({ topic: z.string() }),
  templates: ['topic'],
  subscriptionConnection: 'required',
  start: () => Promise.reject(new Error('not started in unit tests')),
}

async function warningsFor(topics: readonly unknown[], topic: string, connection = 'a') {
  const { configuration } = await configurationFromObject(
    {
      integrations: {
        mqtt: {
          connections: { a: { url: 'mqtt://a' }, b: { url: 'mqtt://b' } },
          subscriptions: [
            { name: 'in', topics, connection: 'a', handler: 'h', dead_letter: 'mqtt:out' },
          ],
          publications: { out: { topic, connection } },
        },
      },
      routes: [{ name: 'r', from: 'mqtt:in', to: ['mqtt:out'] }],
    },
    { adapters: [broker], mappingCheck, env: {}, directory: '/' },
  )
  return configuration.warnings
}

it.each([
  [['a/b'], 'a/b'],
  [['x', { topic: 'a/+' }], 'a/b'],
  [['a/#'], 'a/b/c'],
  [['#'], 'a'],
])('a route back into its own subscription is warned of: %j takes %s', async (topics, topic) => {
  expect(await warningsFor(topics, topic)).toEqual([
    expect.stringContaining("'routes[0].to[0]': mqtt:out sends to where mqtt:in takes"),
    expect.stringContaining('a dead letter would come back again and again'),
  ])
})

it.each([
  [['a/b'], 'a/c', 'a'],
  [['a/+'], 'a/b/c', 'a'],
  [['a/b'], 'a/b', 'b'],
  [['a/b'], 'a/{{ payload.id }}', 'a'],
])('no other is: %j and %s on connection %s', async (topics, topic, connection) => {
  expect(await warningsFor(topics, topic, connection)).toEqual([])
})
