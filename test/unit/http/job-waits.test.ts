import { expect, test } from 'vitest'
import type { Job } from '../../../src/domain/job.ts'
import { createJobWaits } from '../../../src/http/job-waits.ts'
import { JsonText } from '../../../src/http/resource.ts'
import { manualClock } from '../worker/manual-clock.ts'
import { someJob } from './memory-jobs.ts'

const NEVER = new AbortController().signal

/** Waits on rows in memory; `looks` are the times of the look-ups, from the begin. */
function setUp({
  findJob,
  maxWaits,
}: { findJob?: (id: string) => Promise<Job | undefined>; maxWaits?: number } = {}) {
  const clock = manualClock(0)
  const jobs = new Map<string, Job>([['job-1', someJob({ status: 'processing' })]])
  const looks: number[] = []
  const waits = createJobWaits({
    store: {
      findJob: async (id) => {
        looks.push(Math.round(clock.monotonicMs()))
        return findJob === undefined ? jobs.get(id) : await findJob(id)
      },
    },
    clock,
    ...(maxWaits !== undefined && { maxWaits }),
  })
  const wait = (limitMs = 60_000, signal = NEVER) => waits.untilEnded('job-1', { limitMs, signal })
  return { clock, jobs, looks, waits, wait }
}

test.each(['completed', 'failed', 'cancelled'] as const)(
  'a job that is %s has ended',
  async (status) => {
    const { clock, jobs, wait } = setUp()
    const outcome = wait()
    await clock.advance(500)
    jobs.set('job-1', someJob({ status }))
    await clock.advance(1_000)
    const { ended, ...rest } = await outcome
    expect(ended).toBe(true)
    expect(
      'job' in rest && rest.job instanceof JsonText && JSON.parse(rest.job.text),
    ).toMatchObject({
      id: 'job-1',
      status,
    })
    expect(clock.pending()).toBe(0)
  },
)

test('one that goes on is looked at ever less often, and for the last time within the limit', async () => {
  const { clock, looks, wait } = setUp()
  const outcome = wait(10_000)
  await clock.advance(10_000)
  expect(await outcome).toEqual({ ended: false, status: 'processing' })
  expect(looks.slice(0, 4)).toEqual([50, 125, 238, 406])
  const pauses = looks.slice(1).map((at, index) => at - (looks[index] ?? 0))
  expect(Math.max(...pauses)).toBe(1_000)
  expect(looks.at(-1)).toBe(9_900)
  expect(looks.length).toBeLessThan(25)
})

test('a short limit is kept', async () => {
  const { clock, looks, wait } = setUp()
  const outcome = wait(1)
  await clock.advance(1)
  expect(await outcome).toEqual({ ended: false, status: 'processing' })
  expect(looks).toEqual([0])
})

test('a look-up that does not come back does not keep anybody beyond the limit', async () => {
  const { clock, wait } = setUp({ findJob: () => new Promise(() => undefined) })
  const outcome = wait(2_000)
  await clock.advance(2_000)
  expect(await outcome).toEqual({ ended: false, status: undefined })
})

test('a database that is away is asked again', async () => {
  let isAway = true
  const { clock, wait } = setUp({
    findJob: async () => {
      if (isAway) throw new Error('away')
      return someJob({ status: 'completed' })
    },
  })
  const outcome = wait()
  await clock.advance(5_000)
  isAway = false
  await clock.advance(1_000)
  expect((await outcome).ended).toBe(true)
})

test('a job that is gone is not waited for', async () => {
  const { clock, jobs, wait } = setUp()
  jobs.clear()
  const outcome = wait()
  await clock.advance(50)
  expect(await outcome).toEqual({ ended: false, status: undefined })
})

test('what takes long to read is read less often', async () => {
  const { clock, looks, wait } = setUp({
    findJob: async () => {
      clock.standStill(300)
      return someJob({ status: 'processing' })
    },
  })
  void wait()
  await clock.advance(12_000)
  expect(looks.slice(0, 3)).toEqual([50, 3_350, 6_650])
})

test('many wait at once, and few look at once', async () => {
  let underWay = 0
  let most = 0
  const release = Promise.withResolvers<undefined>()
  const { clock, waits } = setUp({
    findJob: async () => {
      underWay += 1
      most = Math.max(most, underWay)
      await release.promise
      underWay -= 1
      return someJob({ status: 'completed' })
    },
  })
  const outcomes = Array.from({ length: 200 }, (_, n) =>
    waits.untilEnded(`job-${n}`, { limitMs: 60_000, signal: NEVER }),
  )
  const all = Promise.all(outcomes)
  await clock.advance(100)
  expect(underWay).toBe(4)
  release.resolve(undefined)
  expect((await all).every(({ ended }) => ended)).toBe(true)
  expect(most).toBe(4)
})

test('more than may wait are told at once, until others have gone', async () => {
  const { clock, jobs, wait, looks } = setUp({ maxWaits: 2 })
  const both = [wait(), wait()]
  expect(await wait()).toEqual({ ended: false, status: undefined })
  expect(looks).toEqual([])
  jobs.set('job-1', someJob({ status: 'completed' }))
  await clock.advance(100)
  await Promise.all(both)
  const next = wait()
  await clock.advance(100)
  expect((await next).ended).toBe(true)
})

test('whoever goes away waits no longer', async () => {
  const { clock, looks, wait } = setUp()
  const gone = new AbortController()
  const outcome = wait(60_000, gone.signal)
  await clock.advance(60)
  gone.abort()
  expect(await outcome).toEqual({ ended: false, status: 'processing' })
  const before = looks.length
  await clock.advance(60_000)
  expect(looks.length).toBe(before)
  expect(clock.pending()).toBe(0)
  expect((await wait(60_000, gone.signal)).ended).toBe(false)
})

test('a stop ends every wait, and those that come later', async () => {
  const { clock, waits, wait } = setUp()
  const outcomes = [wait(), wait()]
  await clock.advance(60)
  waits.stop()
  waits.stop()
  expect(await Promise.all(outcomes)).toEqual([
    { ended: false, status: 'processing' },
    { ended: false, status: 'processing' },
  ])
  expect(await wait()).toEqual({ ended: false, status: undefined })
  expect(clock.pending()).toBe(0)
})
