import { expect, it } from 'vitest'
import { CLAIM, claimNew, insert, newJob, newJobs, settlement } from './jobs.ts'
import { storeSuite } from './store-suite.ts'

export const backlogSuite = storeSuite('the backlog of a queue', (bed) => {
  const count = (limit = 1_000, queue: string = CLAIM.queue) =>
    bed.store.countBacklog({ queue, limit })

  it('is what waits in it, for whatever reason, and nothing else', async () => {
    expect(await count()).toBe(0)
    await claimNew(bed.store)
    const failing = await claimNew(bed.store)
    await bed.store.settle([
      settlement(failing, { kind: 'retry', error: 'no', delayMs: 60_000, lowerPriority: false }),
    ])
    const ended = await claimNew(bed.store)
    await bed.store.settle([settlement(ended)])
    expect(await count()).toBe(1)
    await insert(bed.store, ...newJobs(3), newJob({ delayMs: 3_600_000 }))
    await insert(bed.store, ...newJobs(5, { orderingKey: 'one' }))
    expect(await count()).toBe(10)
    await insert(bed.store, ...newJobs(7, { queue: 'other' }), newJob({ queue: 'Other' }))
    await insert(bed.store, newJob({ queue: 'other', orderingKey: 'two' }))
    expect(await count()).toBe(10)
    expect(await count(1_000, 'other')).toBe(8)
    await bed.database.sql(`UPDATE queue_jobs SET active = false WHERE queue = 'other'`)
    expect(await count(1_000, 'other')).toBe(0)
  })

  it('is counted up to a limit', async () => {
    await insert(bed.store, ...newJobs(10), ...newJobs(10, { delayMs: 60_000 }))
    expect(await Promise.all([1, 10, 15, 20, 21].map((limit) => count(limit)))).toEqual([
      1, 10, 15, 20, 20,
    ])
  })
})
