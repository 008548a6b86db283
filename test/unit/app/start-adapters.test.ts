import { expect, test } from 'vitest'
import { z } from 'zod'
import { startAdapters } from '../../../src/app/start-adapters.ts'
import type { SubscriptionConfiguration } from '../../../src/config/configuration.ts'
import { CrossdockError } from '../../../src/domain/errors.ts'
import type { Protocol } from '../../../src/domain/job-type.ts'
import { OPEN_FLOW } from '../../../src/ports/flow.ts'
import { silentLog } from '../../../src/observe/log.ts'
import type { AdapterDefinition, RunningAdapter } from '../../../src/ports/adapter.ts'

const failure = new CrossdockError('not_available', 'the broker is away')

test('an adapter that does not start has those before it stopped again', async () => {
  const stopped: Protocol[] = []
  const running = adapter('http', async () => stoppable('http', stopped))
  const failing = adapter('mqtt', () => Promise.reject(failure))
  await expect(start(running, failing)).rejects.toBe(failure)
  expect(stopped).toEqual(['http'])
})

test('an adapter that does not stop either hides no failure to start', async () => {
  const running = adapter('http', async () => ({
    health: () => ({ status: 'ok' }),
    stop: () => Promise.reject(new CrossdockError('not_available', 'no')),
  }))
  const failing = adapter('mqtt', () => Promise.reject(failure))
  await expect(start(running, failing)).rejects.toBe(failure)
})

test('adapters that run are stopped together', async () => {
  const stopped: Protocol[] = []
  const adapters = await start(
    adapter('http', async () => stoppable('http', stopped)),
    adapter('mqtt', async () => stoppable('mqtt', stopped)),
  )
  expect(adapters.health()).toEqual([
    { protocol: 'http', health: { status: 'ok' } },
    { protocol: 'mqtt', health: { status: 'ok' } },
  ])
  await adapters.stop()
  expect(stopped).toEqual(['http', 'mqtt'])
})

function adapter(protocol: Protocol, started: () => Promise<RunningAdapter>): AdapterDefinition {
  const none = z.strictObject({})
  return {
    protocol,
    subscriptionOptions: none,
    connectionOptions: none,
    publicationOptions: none,
    templates: [],
    subscriptionConnection: 'optional',
    start: started,
  }
}

function stoppable(protocol: Protocol, stopped: Protocol[]): RunningAdapter {
  return {
    health: () => ({ status: 'ok' }),
    stop: async () => {
      stopped.push(protocol)
    },
  }
}

function start(...adapters: readonly AdapterDefinition[]) {
  return startAdapters({
    adapters,
    configuration: {
      instance: { name: 'test', id: 'test-1' },
      connections: [],
      publications: [],
      subscriptions: adapters.map(({ protocol }): SubscriptionConfiguration => ({
        protocol,
        name: protocol,
        handler: 'h',
        contentType: 'json',
        options: {},
      })),
    },
    flow: () => OPEN_FLOW,
    sink: { deliver: async () => [] },
    http: { route: () => undefined },
    slots: { take: async () => undefined },
    jobs: { untilEnded: async () => ({ ended: false, status: undefined }) },
    log: silentLog,
  })
}
