import { expect, it } from 'vitest'
import type { Ending, ExpiredJob, RecoveryRequest } from '../../../src/ports/store.ts'
import {
  CLAIM,
  claimNew,
  codeOf,
  count,
  insert,
  newJob,
  keyOf,
  newJobs,
  rowOf,
  settlement,
} from './jobs.ts'
import { storeSuite } from './store-suite.ts'

const RETRY = { kind: 'retry', error: 'its process died', delayMs: 0, lowerPriority: true } as const

/** Recovers as the worker does: what had begun was an attempt, what had not is given back. */
function recovery(asked: ExpiredJob[] = [], limit = 100): RecoveryRequest {
  return {
    limit,
    executedBy: 'recoverer',
    decide: (job): Ending => {
      asked.push(job)
      return job.begun ? RETRY : { kind: 'returned', delayMs: 0 }
    },
  }
}

const EXPIRED = { leaseMs: -1_000, owner: 'the dead' }

export const leaseSuite = storeSuite('leases', (bed) => {
  it('write that an execution began, for its holder only', async () => {
    const mine = await claimNew(bed.store)
    const stale = { ...keyOf(mine), epoch: mine.epoch + 1 }
    expect(await bed.store.begin([stale, { jobId: 'nobody', epoch: 1 }])).toEqual([])
    expect((await rowOf(bed.database, mine.jobId))['startedat']).toBeNull()
    expect(await bed.store.begin([stale, keyOf(mine)])).toEqual([keyOf(mine)])
    expect((await rowOf(bed.database, mine.jobId))['startedat']).toBeInstanceOf(Date)
    expect(await bed.store.begin([])).toEqual([])
  })

  it('are prolonged for what is held, and nothing else', async () => {
    const mine = await claimNew(bed.store, {}, { leaseMs: 1_000 })
    const lost = await claimNew(bed.store, {}, { leaseMs: 1_000 })
    const ended = await claimNew(bed.store)
    await bed.store.settle([settlement(ended)])
    const untouched = await rowOf(bed.database, lost.jobId)
    const keys = [mine, { ...lost, epoch: lost.epoch - 1 }, ended].map(keyOf)
    expect(await bed.store.renew({ keys, leaseMs: 90_000 })).toEqual([keyOf(mine)])
    const lease = (await rowOf(bed.database, mine.jobId))['leaseexpiresat'] as Date
    expect(Math.abs(lease.getTime() - Date.now() - 90_000)).toBeLessThan(5_000)
    expect(await rowOf(bed.database, lost.jobId)).toEqual(untouched)
  })

  it('that have not expired are left alone', async () => {
    await claimNew(bed.store)
    const ended = await claimNew(bed.store, {}, EXPIRED)
    await bed.store.settle([settlement(ended)])
    const asked: ExpiredJob[] = []
    expect(await bed.store.recoverExpired(recovery(asked))).toEqual([])
    expect(asked).toEqual([])
  })

  it('that expired before the job began give it back, uncounted and without history', async () => {
    const claimed = await claimNew(bed.store, { maxRetries: 2 }, EXPIRED)
    const asked: ExpiredJob[] = []
    const recovered = await bed.store.recoverExpired(recovery(asked))
    expect(recovered).toEqual(asked)
    expect(recovered).toEqual([
      {
        ...keyOf(claimed),
        handler: 'test.handler',
        protocol: null,
        method: null,
        queue: 'default',
        begun: false,
        retryCount: 0,
        maxRetries: 2,
        recoveries: 0,
        lockedBy: 'the dead',
        cancelRequested: false,
      },
    ])
    expect(await bed.store.listExecutions(claimed.jobId)).toEqual([])
    const [again] = await bed.store.claim(CLAIM)
    expect(again).toMatchObject({ jobId: claimed.jobId, retryCount: 0, recoveries: 1 })
    expect(again!.epoch).toBeGreaterThan(claimed.epoch)
    expect(await bed.store.settle([settlement(claimed)])).toEqual([])
  })

  it('that expired while it ran end the execution in its holder’s name', async () => {
    const claimed = await claimNew(bed.store, { priority: 3 }, EXPIRED)
    await bed.store.begin([claimed])
    const [recovered] = await bed.store.recoverExpired(recovery())
    expect(recovered).toMatchObject({ begun: true })
    expect(await bed.store.findJob(claimed.jobId)).toMatchObject({
      status: 'retrying',
      retryCount: 1,
      priority: 2,
      lastError: RETRY.error,
    })
    expect(await bed.store.listExecutions(claimed.jobId)).toMatchObject([
      {
        executionId: `${claimed.jobId}:${claimed.epoch}`,
        status: 'failed',
        error: RETRY.error,
        executedBy: 'the dead',
        metadata: { willretry: true },
      },
    ])
    expect(await bed.store.settle([settlement(claimed)])).toEqual([])
    expect(await count(bed.database, 'job_histories')).toBe(1)
  })

  it('count how often a job was taken over, until it has ended once', async () => {
    const { jobId } = await claimNew(bed.store, {}, EXPIRED)
    await bed.store.recoverExpired(recovery())
    const [second] = await bed.store.claim({ ...CLAIM, ...EXPIRED })
    await bed.store.begin([second!])
    await bed.store.recoverExpired(recovery())
    await bed.store.promoteDue({ limit: 1 })
    const [third] = await bed.store.claim(CLAIM)
    expect(third).toMatchObject({ jobId, recoveries: 2 })
    await bed.store.settle([settlement(third!, RETRY)])
    await bed.store.promoteDue({ limit: 1 })
    expect(await bed.store.claim(CLAIM)).toMatchObject([{ jobId, recoveries: 0 }])
  })

  it('of a job that was asked to stop end as cancelled, and as nothing else', async () => {
    const claimed = await claimNew(bed.store, {}, EXPIRED)
    await bed.store.begin([claimed])
    await bed.database.sql('UPDATE queue_jobs SET cancelrequested = ?', [true])
    await bed.store.recoverExpired(recovery())
    expect(await rowOf(bed.database, claimed.jobId)).toMatchObject({ statusid: 2 })
    const decide = ({ cancelRequested }: ExpiredJob): Ending =>
      cancelRequested ? { kind: 'cancelled', reason: 'asked for' } : RETRY
    await bed.store.recoverExpired({ ...recovery(), decide })
    expect(await bed.store.findJob(claimed.jobId)).toMatchObject({ status: 'cancelled' })
    expect(await count(bed.database, 'job_histories', 'statusid = 6')).toBe(1)
  })

  it('are recovered once, by several recoverers at once', async () => {
    await insert(bed.store, ...newJobs(60))
    const claimed = await bed.store.claim({ ...CLAIM, ...EXPIRED })
    await bed.store.begin(claimed.slice(0, 30))
    const taken = await Promise.all(
      Array.from({ length: 4 }, () => bed.store.recoverExpired(recovery())),
    )
    const ids = taken.flat().map(({ jobId }) => jobId)
    expect(ids).toHaveLength(60)
    expect(new Set(ids).size).toBe(60)
    expect(await count(bed.database, 'job_histories')).toBe(30)
  })

  it('are recovered in the order of arrival, at most as many as asked for', async () => {
    const jobs = newJobs(3)
    await insert(bed.store, ...jobs)
    await bed.store.claim({ ...CLAIM, ...EXPIRED })
    const first = await bed.store.recoverExpired(recovery([], 2))
    expect(first.map(({ jobId }) => jobId)).toEqual([jobs[0]!.id, jobs[1]!.id])
    expect(await bed.store.recoverExpired(recovery([], 2))).toHaveLength(1)
  })

  it('that a Processing row does not have count as expired', async () => {
    await bed.database.sql(`INSERT INTO queue_jobs (id, handler, statusid) VALUES ('odd', 'h', 2)`)
    expect(await bed.store.recoverExpired(recovery())).toMatchObject([
      { jobId: 'odd', begun: false, lockedBy: null },
    ])
    expect(await bed.store.findJob('odd')).toMatchObject({ status: 'pending' })
  })

  it('stay as they were when recovery cannot decide', async () => {
    const claimed = await claimNew(bed.store, {}, EXPIRED)
    const undecided = (): Ending => {
      throw new RangeError('undecided')
    }
    const failing = bed.store.recoverExpired({ ...recovery(), decide: undecided })
    expect(await codeOf(failing)).toMatch(/./)
    expect(await rowOf(bed.database, claimed.jobId)).toMatchObject({ statusid: 2 })
    // Its lock ends with its connection, a moment later.
    await expect.poll(() => bed.store.recoverExpired(recovery())).toHaveLength(1)
  })

  it('pass over rows that somebody has locked, without waiting', async () => {
    await insert(bed.store, ...newJobs(2))
    const [locked, free] = await bed.store.claim({ ...CLAIM, ...EXPIRED })
    const keys = [locked!, free!]
    const progress = { current: 1, total: 2, message: null }
    const lock = await bed.database.lockRow(locked!.jobId)
    const from = performance.now()
    try {
      expect(await bed.store.begin(keys)).toEqual([keyOf(free!)])
      expect(await bed.store.renew({ keys, leaseMs: -500 })).toEqual([keyOf(free!)])
      await bed.store.updateProgress(keys.map((key) => ({ ...keyOf(key), progress })))
      const recovered = await bed.store.recoverExpired(recovery())
      expect(recovered.map(({ jobId }) => jobId)).toEqual([free!.jobId])
      expect(performance.now() - from).toBeLessThan(2_000)
    } finally {
      await lock.release()
    }
    expect(await bed.store.findJob(locked!.jobId)).toMatchObject({ progress: { total: 100 } })
    expect(await bed.store.recoverExpired(recovery())).toHaveLength(1)
  })

  it('decide whose progress is written', async () => {
    const mine = await claimNew(bed.store)
    const before = await rowOf(bed.database, mine.jobId)
    const progress = { current: 5, total: 10, message: 'halfway' }
    const stale = { ...keyOf(mine), epoch: mine.epoch + 1 }
    await bed.store.updateProgress([{ ...stale, progress }])
    expect(await rowOf(bed.database, mine.jobId)).toEqual(before)
    await bed.store.updateProgress([{ ...keyOf(mine), progress }])
    expect(await bed.store.findJob(mine.jobId)).toMatchObject({ progress })
    await bed.store.settle([settlement(mine, { kind: 'returned', delayMs: 0 })])
    await bed.store.updateProgress([{ ...keyOf(mine), progress: { ...progress, current: 6 } }])
    expect(await bed.store.findJob(mine.jobId)).toMatchObject({ progress })
  })

  it('of a job that fails for good store what is wanted beside it, in that commit', async () => {
    const claimed = await claimNew(
      bed.store,
      { payload: '{"a":1}', metadata: { key: 'k' } },
      EXPIRED,
    )
    await bed.store.begin([claimed])
    const ending = { kind: 'failed', error: 'died', deadReason: 'retries_exhausted' } as const
    const copy = newJob({ queue: 'kafka:dead' })
    const asked: unknown[] = []
    await bed.store.recoverExpired({
      ...recovery(),
      decide: () => ending,
      beside: (job, with_) => {
        asked.push(job.id, job.payload, job.metadata, with_)
        return [copy]
      },
    })
    expect(asked).toEqual([claimed.jobId, '{"a":1}', { key: 'k' }, ending])
    expect(await bed.store.findJob(claimed.jobId)).toMatchObject({ status: 'failed' })
    expect(await bed.store.findJob(copy.id)).toMatchObject({ queue: 'kafka:dead' })
  })
})
