import { expect, it } from 'vitest'
import type { NewJob } from '../../../src/domain/job.ts'
import type { JobSweep, Sweep, SweepStep } from '../../../src/ports/retention.ts'
import { claimNew, count, insert, newJob, newJobs, settlement } from './jobs.ts'
import { storeSuite } from './store-suite.ts'

const DAY_MS = 86_400_000
const JOBS: Omit<JobSweep, 'after'> = { limit: 100, olderThanMs: 90 * DAY_MS, inboxMs: 7 * DAY_MS }

const daysAgo = (days: number): Date => new Date(Date.now() - days * DAY_MS)

export const retentionSuite = storeSuite('retention', (bed) => {
  /** A job that has ended, with its history, both so many days old. */
  async function ended(days: number, columns: Partial<NewJob> = {}): Promise<string> {
    const job = await claimNew(bed.store, columns)
    await bed.store.settle([settlement(job)])
    await age(job.jobId, days)
    await bed.database.sql('UPDATE job_histories SET createdon = ? WHERE jobid = ?', [
      daysAgo(days),
      job.jobId,
    ])
    return job.jobId
  }

  async function age(id: string, days: number): Promise<void> {
    const time = daysAgo(days)
    await bed.database.sql(
      'UPDATE queue_jobs SET createdon = ?, completedat = ?, modifiedon = ? WHERE id = ?',
      [time, time, time, id],
    )
  }

  async function jobIds(): Promise<readonly unknown[]> {
    const rows = await bed.database.sql('SELECT id FROM queue_jobs ORDER BY seq')
    return rows.map(({ id }) => id)
  }

  /** Steps until the last one. */
  async function walk<Request extends Sweep>(
    remove: (request: Request) => Promise<SweepStep>,
    request: Omit<Request, 'after'>,
  ): Promise<readonly number[]> {
    const removed: number[] = []
    for (let after: string | null = null; ;) {
      const step: SweepStep = await remove({ ...request, after } as Request)
      removed.push(step.removed)
      if (step.next === null) return removed
      after = step.next
    }
  }
  const removeJobs = (request: Partial<JobSweep> = {}) =>
    walk<JobSweep>((sweep) => bed.store.retention.removeJobs(sweep), { ...JOBS, ...request })
  const removeHistories = (request: Partial<Sweep> = {}) =>
    walk((sweep) => bed.store.retention.removeHistories(sweep), { ...JOBS, ...request })

  it('removes histories that are old enough, and leaves their jobs', async () => {
    await ended(91)
    await ended(91)
    const young = await ended(89)
    expect(await removeHistories()).toEqual([2])
    const rows = await bed.database.sql('SELECT jobid FROM job_histories')
    expect(rows).toEqual([{ jobid: young }])
    expect(await jobIds()).toHaveLength(3)
  })

  it('removes finished jobs once their histories are gone, dead letters and children like others', async () => {
    const parent = await ended(91)
    const dead = newJob({ parentJobId: parent, dead: { reason: 'why', error: 'what' } })
    await insert(bed.store, dead)
    await age(dead.id, 91)
    const child = newJob({ parentJobId: parent, queue: 'other' })
    await insert(bed.store, child)
    const cancelled = newJob()
    await insert(bed.store, cancelled)
    await bed.database.sql('UPDATE queue_jobs SET cancelrequested = true WHERE id = ?', [
      cancelled.id,
    ])
    const time = daysAgo(91)
    // Nobody has written when it ended.
    await bed.database.sql('UPDATE queue_jobs SET createdon = ?, modifiedon = ? WHERE id = ?', [
      time,
      time,
      cancelled.id,
    ])
    // With its history the parent stays.
    expect(await removeJobs()).toEqual([2])
    expect(await jobIds()).toEqual([parent, child.id])
    await removeHistories()
    expect(await removeJobs()).toEqual([1])
    expect(await jobIds()).toEqual([child.id])
  })

  it('keeps what has not ended, what ended lately, and what is young', async () => {
    const [waiting, lately] = [newJob({ queue: 'w' }), newJob({ queue: 'w' })]
    await insert(bed.store, waiting, lately)
    await age(waiting.id, 400)
    await age(lately.id, 400)
    await bed.database.sql('UPDATE queue_jobs SET statusid = 4, completedat = ? WHERE id = ?', [
      daysAgo(1),
      lately.id,
    ])
    const running = await claimNew(bed.store)
    await age(running.jobId, 400)
    const young = await ended(89)
    await bed.database.sql('DELETE FROM job_histories')
    expect(await removeJobs()).toEqual([0])
    expect(await jobIds()).toEqual([waiting.id, lately.id, running.jobId, young])
  })

  it('keeps a job whose inbox key is younger than its time, and for ever where that has no end', async () => {
    const keyed = await ended(10, { dedupeKey: 'subscription:1' })
    const plain = await ended(10)
    await bed.database.sql('DELETE FROM job_histories')
    const short = { olderThanMs: 2 * DAY_MS }
    expect(await removeJobs({ ...short, inboxMs: 11 * DAY_MS })).toEqual([1])
    expect(await jobIds()).toEqual([keyed])
    expect(await removeJobs({ ...short, inboxMs: null })).toEqual([0])
    expect(await insert(bed.store, newJob({ dedupeKey: 'subscription:1' }))).toEqual(['duplicate'])
    expect(await removeJobs({ ...short, inboxMs: 9 * DAY_MS })).toEqual([1])
    expect(await jobIds()).toEqual([])
    expect(plain).not.toBe(keyed)
  })

  it('looks at a bounded part each step, and ends where all are young', async () => {
    const jobs = newJobs(25, { dead: { reason: 'why', error: 'what' } })
    for (const job of jobs) await insert(bed.store, job)
    await Promise.all(jobs.slice(0, 15).map(({ id }) => age(id, 91)))
    const first = await bed.store.retention.removeJobs({ ...JOBS, limit: 4, after: null })
    expect(first.removed).toBe(4)
    expect(first.next).not.toBeNull()
    expect(await count(bed.database, 'queue_jobs')).toBe(21)
    // The part that begins with the last old ones, and the one behind it.
    expect(await removeJobs({ limit: 4 })).toEqual([4, 4, 3, 0])
    expect(await jobIds()).toEqual(jobs.slice(15).map(({ id }) => id))
    expect(await removeJobs({ limit: 4 })).toEqual([0])
    expect(await removeHistories()).toEqual([0])
  })

  it('passes over what somebody has locked, and removes it the next time', async () => {
    const [locked, free] = [await ended(91), await ended(91)]
    const [history] = await bed.database.sql('SELECT id FROM job_histories WHERE jobid = ?', [
      locked,
    ])
    const holdsHistory = await bed.database.lockRow(String(history!['id']), 'job_histories')
    expect(await removeHistories()).toEqual([1])
    await holdsHistory.release()
    expect(await removeHistories()).toEqual([1])
    const holdsJob = await bed.database.lockRow(locked)
    expect(await removeJobs()).toEqual([1])
    expect(await jobIds()).toEqual([locked])
    await holdsJob.release()
    expect(await removeJobs()).toEqual([1])
    expect(free).not.toBe(locked)
  })

  it('may be done by several at once', async () => {
    const jobs = newJobs(200, { dead: { reason: 'why', error: 'what' } })
    await insert(bed.store, ...jobs)
    const time = daysAgo(91)
    await bed.database.sql('UPDATE queue_jobs SET createdon = ?, completedat = ?', [time, time])
    const all = await Promise.all([1, 2, 3].map(() => removeJobs({ limit: 10 })))
    const removed = all.flat().reduce((sum, each) => sum + each, 0)
    expect(removed + (await count(bed.database, 'queue_jobs'))).toBe(200)
    await removeJobs()
    expect(await jobIds()).toEqual([])
  })
})
