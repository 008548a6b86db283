import { expect, it } from 'vitest'
import type { NewJob } from '../../../src/domain/job.ts'
import { codeOf, count, newJob } from './jobs.ts'
import { storeSuite } from './store-suite.ts'

/** The rows of one message: for its handler, and for two targets. */
function rowsOf(key: string): readonly NewJob[] {
  return ['', '>kafka:a', '>kafka:b'].map((end) => newJob({ dedupeKey: `${key}${end}` }))
}

export const unitsSuite = storeSuite('the rows of one message', (bed) => {
  it('are stored together, beside others that stand alone', async () => {
    const first = rowsOf('1')
    const alone = newJob({ dedupeKey: 'alone' })
    const jobs = [...first, alone, ...rowsOf('2')]
    const outcomes = await bed.store.insertJobs({ jobs, again: false, units: [3, 1, 3] })
    expect(outcomes).toEqual(jobs.map(({ id }) => ({ outcome: 'stored', jobId: id })))
    expect(await count(bed.database, 'queue_jobs')).toBe(7)
  })

  it('are all duplicates when their message was stored, and their neighbours are stored', async () => {
    const first = rowsOf('1')
    await bed.store.insertJobs({ jobs: first, again: false, units: [3] })
    const fresh = rowsOf('2')
    const jobs = [...rowsOf('1'), ...fresh]
    expect(await bed.store.insertJobs({ jobs, again: false, units: [3, 3] })).toEqual([
      ...first.map(({ id }) => ({ outcome: 'duplicate', jobId: id })),
      ...fresh.map(({ id }) => ({ outcome: 'stored', jobId: id })),
    ])
    expect(await count(bed.database, 'queue_jobs')).toBe(6)
  })

  it('are not stored for a target that came later, when the message is delivered again', async () => {
    const [handler, first, later] = rowsOf('1')
    await bed.store.insertJobs({ jobs: [handler!, first!], again: false, units: [2] })
    const again = [newJob({ dedupeKey: '1' }), newJob({ dedupeKey: '1>kafka:a' }), later!]
    expect(await bed.store.insertJobs({ jobs: again, again: false, units: [3] })).toEqual([
      { outcome: 'duplicate', jobId: handler!.id },
      { outcome: 'duplicate', jobId: first!.id },
      { outcome: 'duplicate', jobId: handler!.id },
    ])
    // Nor for a handler that came later.
    await bed.store.insertJobs({ jobs: [newJob({ dedupeKey: '2>kafka:a' })], again: false })
    const late = [newJob({ dedupeKey: '2' }), newJob({ dedupeKey: '2>kafka:a' })]
    const outcomes = await bed.store.insertJobs({ jobs: late, again: false, units: [2] })
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['duplicate', 'duplicate'])
    expect(await count(bed.database, 'queue_jobs')).toBe(3)
  })

  it('of the same message twice in one group are stored once', async () => {
    const jobs = [...rowsOf('1'), ...rowsOf('1')]
    const outcomes = await bed.store.insertJobs({ jobs, again: false, units: [3, 3] })
    expect(outcomes.map(({ outcome }) => outcome)).toEqual([
      ...Array<string>(3).fill('stored'),
      ...Array<string>(3).fill('duplicate'),
    ])
    expect(outcomes.slice(3).map(({ jobId }) => jobId)).toEqual(
      jobs.slice(0, 3).map(({ id }) => id),
    )
    expect(await count(bed.database, 'queue_jobs')).toBe(3)
  })

  it('that come at once from many are stored once, and whole', async () => {
    const results = await Promise.all(
      Array.from({ length: 12 }, () =>
        bed.store.insertJobs({
          jobs: [...rowsOf('same'), newJob()],
          again: false,
          units: [3, 1],
        }),
      ),
    )
    const whole = results.map((outcomes) => outcomes.map(({ outcome }) => outcome).join())
    expect(whole.filter((each) => each === 'stored,stored,stored,stored')).toHaveLength(1)
    expect(whole.filter((each) => each === 'duplicate,duplicate,duplicate,stored')).toHaveLength(11)
    expect(await count(bed.database, 'queue_jobs', 'dedupekey IS NOT NULL')).toBe(3)
  })

  it('leave nothing behind when the database refuses one of them', async () => {
    const [handler, target] = rowsOf('1')
    const jobs = [handler!, { ...target!, method: 'x'.repeat(101) }]
    expect(await codeOf(bed.store.insertJobs({ jobs, again: false, units: [2] }))).toBe(
      'database_data',
    )
    expect(await count(bed.database, 'queue_jobs')).toBe(0)
  })

  it('sent again are found as stored', async () => {
    const jobs = rowsOf('1')
    await bed.store.insertJobs({ jobs, again: false, units: [3] })
    const outcomes = await bed.store.insertJobs({ jobs, again: true, units: [3] })
    expect(outcomes).toEqual(jobs.map(({ id }) => ({ outcome: 'stored', jobId: id })))
    expect(await codeOf(bed.store.insertJobs({ jobs, again: false, units: [3] }))).toBe(
      'database_constraint',
    )
  })
})
