import { expect, test } from 'vitest'
import { createStatus } from '../../../src/app/status.ts'
import { configurationFromObject } from '../../../src/config/load.ts'
import { createRegistry } from '../../../src/handler-kit/registry.ts'
import type { HealthStatus } from '../../../src/ports/health.ts'
import type { ScheduleStore } from '../../../src/ports/schedule-store.ts'
import { mappingCheck } from '../../../src/expressions/check.ts'
import { manualClock } from '../worker/manual-clock.ts'

const { configuration } = await configurationFromObject(
  {},
  { adapters: [], mappingCheck, env: {}, directory: '/srv' },
)

/** A store of schedules that nothing is asked of. */
const noSchedules: ScheduleStore = {
  due: () => Promise.reject(new Error('not asked')),
  placeAhead: () => Promise.reject(new Error('not asked')),
  fire: () => Promise.reject(new Error('not asked')),
  plan: () => Promise.reject(new Error('not asked')),
  reopen: () => Promise.reject(new Error('not asked')),
  overview: () => Promise.reject(new Error('not asked')),
}

function setUp(answer: () => Promise<void> = async () => undefined) {
  const clock = manualClock()
  const seen = { queueDepths: 0, missingHandlers: 0 }
  const database: { status: HealthStatus } = { status: 'ok' }
  const status = createStatus({
    configuration,
    version: '0.0.0',
    startedAt: new Date(0),
    clock,
    store: {
      queueDepths: async () => {
        seen.queueDepths += 1
        await answer()
        return []
      },
      missingHandlers: async () => {
        seen.missingHandlers += 1
        return [`round ${seen.missingHandlers}`]
      },
      missingPublications: async () => ['kafka:gone'],
      statistics: () => ({ deadlocksRetried: 3, serializationFailures: 2, lockTimeouts: 1 }),
      schedules: {
        ...noSchedules,
        overview: async () => ({ nextRunAt: new Date(0), inError: [] }),
      },
    },
    handlers: createRegistry([]),
    health: async () => ({ status: database.status, components: {} }),
    workers: undefined,
    locks: () => ({}),
    scheduler: undefined,
    ingest: () => ({ waiting: 0, healthy: true }),
    integrations: () => ({ connections: [], subscriptions: [], publications: [] }),
    publications: () => [],
    parts: ['api'],
  })
  return { clock, seen, database, status }
}

test('pollers of the status share one count of the queues for a second', async () => {
  const { clock, seen, status } = setUp()
  await Promise.all(Array.from({ length: 20 }, status))
  clock.standStill(999)
  expect(await status()).toMatchObject({ queues: [], missingHandlers: ['round 1'] })
  expect(seen).toEqual({ queueDepths: 1, missingHandlers: 1 })
  clock.standStill(1)
  expect(await status()).toMatchObject({ missingHandlers: ['round 2'] })
  expect(seen).toEqual({ queueDepths: 2, missingHandlers: 2 })
})

test('a count that takes longer than a second is not started a second time', async () => {
  const slow = Promise.withResolvers<void>()
  const { clock, seen, status } = setUp(() => slow.promise)
  const first = status()
  await clock.advance(5_000)
  const second = status()
  await clock.advance(0)
  expect(seen.queueDepths).toBe(1)
  slow.resolve()
  const { memory: _first, ...one } = (await first) as Record<string, unknown>
  const { memory: _second, ...two } = (await second) as Record<string, unknown>
  expect(one).toEqual(two)
  await status()
  expect(seen.queueDepths).toBe(2)
})

test('nothing is counted while the database is away', async () => {
  const { seen, database, status } = setUp()
  database.status = 'down'
  expect(await status()).toMatchObject({ status: 'down', queues: null, missingHandlers: null })
  expect(seen.queueDepths).toBe(0)
})

test('what statements met is shown with the database, whether it is there or not', async () => {
  const { database, status } = setUp()
  const met = { deadlocksRetried: 3, serializationFailures: 2, lockTimeouts: 1 }
  expect(await status()).toMatchObject({ database: met })
  database.status = 'down'
  expect(await status()).toMatchObject({ database: met })
})
