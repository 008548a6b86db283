import { expect, test } from 'vitest'
import type { JobSweep, RetentionStore, Sweep } from '../../../src/ports/retention.ts'
import { retentionHandler, type RetentionSettings } from '../../../src/system/retention.ts'
import { manualClock } from '../worker/manual-clock.ts'
import { runHandler } from './handler-run.ts'

const DAY_MS = 86_400_000
const SETTINGS = { historyMs: 90 * DAY_MS, jobMs: 90 * DAY_MS, inboxMs: 7 * DAY_MS }

/** Tables of which each step removes two rows, so many steps long. */
function setUp(settings: Partial<RetentionSettings> = {}, steps = 3) {
  const clock = manualClock()
  const seen = { histories: [] as Sweep[], jobs: [] as JobSweep[] }
  const step = (after: string | null) => {
    const place = Number(after ?? 0) + 1
    return { removed: 2, next: place < steps ? String(place) : null }
  }
  const store: RetentionStore = {
    removeHistories: async (sweep) => {
      seen.histories.push(sweep)
      return step(sweep.after)
    },
    removeJobs: async (sweep) => {
      seen.jobs.push(sweep)
      return step(sweep.after)
    },
  }
  const handler = retentionHandler({
    settings: { ...SETTINGS, ...settings },
    store: () => store,
    clock,
  })
  return { clock, seen, handler }
}

test('histories go first, then jobs, step by step with a pause between', async () => {
  const { clock, seen, handler } = setUp()
  const running = runHandler(handler)
  await clock.advance(0)
  expect([seen.histories.length, seen.jobs.length]).toEqual([1, 0])
  await clock.advance(19)
  expect(seen.histories).toHaveLength(1)
  await clock.advance(1)
  expect(seen.histories).toHaveLength(2)
  await clock.advance(1_000)
  expect(await running).toEqual({ histories: 6, jobs: 6, finished: true })
  expect(seen.histories.map(({ after }) => after)).toEqual([null, '1', '2'])
  expect(seen.jobs.map(({ after }) => after)).toEqual([null, '1', '2'])
  expect(seen.histories[0]).toEqual({ after: null, limit: 500, olderThanMs: 90 * DAY_MS })
  expect(seen.jobs[0]).toMatchObject({ olderThanMs: 90 * DAY_MS, inboxMs: 7 * DAY_MS })
})

test.each([
  ['jobs are kept as long as histories', { jobMs: DAY_MS }, 90],
  ['and may be kept for longer', { jobMs: 100 * DAY_MS }, 100],
])('%s', async (_, settings, days) => {
  const { seen, handler } = setUp(settings, 1)
  await runHandler(handler)
  expect(seen.jobs[0]?.olderThanMs).toBe(days * DAY_MS)
})

test.each([
  ['no jobs', { jobMs: null }, 1, 0],
  ['no histories, and so no jobs', { historyMs: null }, 0, 0],
])('without an end of their time it removes %s', async (_, settings, histories, jobs) => {
  const { seen, handler } = setUp(settings, 1)
  await runHandler(handler)
  expect([seen.histories.length, seen.jobs.length]).toEqual([histories, jobs])
})

test('it ends by itself when its time is over, and says so', async () => {
  const { clock, seen, handler } = setUp({}, 1_000_000)
  const running = runHandler(handler)
  await clock.advance(1)
  clock.standStill(50 * 60_000)
  await clock.advance(20)
  expect(await running).toEqual({ histories: 2, jobs: 0, finished: false })
  expect(seen.histories).toHaveLength(1)
})

test('it stops between two steps when its job is aborted', async () => {
  const { clock, handler, seen } = setUp({}, 1_000_000)
  const abort = new AbortController()
  const running = runHandler(handler, { signal: abort.signal })
  await clock.advance(1)
  abort.abort(new Error('shutdown'))
  void clock.advance(20)
  await expect(running).rejects.toThrow('shutdown')
  expect(seen.histories).toHaveLength(1)
})
