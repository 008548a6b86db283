import { expect, it } from 'vitest'
import { INLINE_PAYLOAD_BYTES, type ClaimedJob } from '../../../src/ports/store.ts'
import { CLAIM, claimNew, insert, newJob, newJobs, rowOf, settlement } from './jobs.ts'
import { storeSuite } from './store-suite.ts'

const names = (claimed: readonly ClaimedJob[]): readonly string[] =>
  claimed.map(({ jobId }) => jobId)

export const claimSuite = storeSuite('claiming jobs', (bed) => {
  it('takes the higher priority first, then the order of arrival', async () => {
    const priorities = [0, 5, -3, 5, 0, 2_147_483_647, -2_147_483_647]
    await insert(
      bed.store,
      ...priorities.map((priority, index) => newJob({ id: `${index}`, priority })),
    )
    expect(names(await bed.store.claim(CLAIM))).toEqual(['5', '1', '3', '0', '4', '2', '6'])
  })

  it('takes at most as many as asked for, the first of them', async () => {
    const jobs = newJobs(5)
    await insert(bed.store, ...jobs)
    expect(names(await bed.store.claim({ ...CLAIM, limit: 2 }))).toEqual([jobs[0]!.id, jobs[1]!.id])
    expect(await bed.store.claim(CLAIM)).toHaveLength(3)
    expect(await bed.store.claim(CLAIM)).toEqual([])
  })

  it('walks on from where the last claim ended', async () => {
    const jobs = [...newJobs(2, { priority: 1 }), ...newJobs(12)]
    await insert(bed.store, ...jobs)
    const first = await bed.store.claim({ ...CLAIM, limit: 4 })
    await insert(bed.store, newJob({ id: 'better', priority: 9 }))
    const { rank, seq } = first[3]!
    const second = await bed.store.claim({ ...CLAIM, after: { rank, seq } })
    expect([...names(first), ...names(second)]).toEqual(jobs.map(({ id }) => id))
    expect(names(await bed.store.claim(CLAIM))).toEqual(['better'])
  })

  it('takes from one queue only, whose name is compared exactly', async () => {
    await insert(bed.store, ...['q', 'Q', 'q '].map((queue) => newJob({ id: queue, queue })))
    expect(names(await bed.store.claim({ ...CLAIM, queue: 'q' }))).toEqual(['q'])
    expect(names(await bed.store.claim({ ...CLAIM, queue: 'q ' }))).toEqual(['q '])
    expect(await bed.store.claim({ ...CLAIM, queue: 'none' })).toEqual([])
  })

  it('takes nothing that waits, runs, has ended or is not active', async () => {
    const running = await claimNew(bed.store)
    await insert(
      bed.store,
      newJob({ delayMs: 60_000 }),
      newJob({ dead: { reason: 'r', error: 'e' } }),
      newJob({ id: 'inactive' }),
    )
    await bed.database.sql('UPDATE queue_jobs SET active = ? WHERE id = ?', [false, 'inactive'])
    expect(await bed.store.claim(CLAIM)).toEqual([])
    await bed.store.settle([settlement(running)])
    expect(await bed.store.claim(CLAIM)).toEqual([])
  })

  it('gives two claimers at once different jobs, and all of them', async () => {
    const jobs = newJobs(2_000)
    await insert(bed.store, ...jobs.slice(0, 1_000))
    await insert(bed.store, ...jobs.slice(1_000))
    async function claimer(owner: string): Promise<readonly string[]> {
      const mine: string[] = []
      for (;;) {
        const claimed = await bed.store.claim({ ...CLAIM, limit: 37, owner })
        if (claimed.length === 0) return mine
        mine.push(...names(claimed))
      }
    }
    const [one, two, three] = await Promise.all(['a', 'b', 'c'].map(claimer))
    const all = [...one!, ...two!, ...three!]
    expect(all).toHaveLength(2_000)
    expect(new Set(all)).toEqual(new Set(jobs.map(({ id }) => id)))
  })

  it('passes over a job that somebody has locked, and does not wait for it', async () => {
    const jobs = newJobs(3)
    await insert(bed.store, ...jobs)
    const lock = await bed.database.lockRow(jobs[0]!.id)
    try {
      expect(names(await bed.store.claim(CLAIM))).toEqual([jobs[1]!.id, jobs[2]!.id])
    } finally {
      await lock.release()
    }
    expect(names(await bed.store.claim(CLAIM))).toEqual([jobs[0]!.id])
  })

  it('gives a lease, an owner and an epoch that grows with each claim', async () => {
    const claimed = await claimNew(bed.store, {}, { leaseMs: 20_000, owner: 'me' })
    expect(claimed.epoch).toBe(1)
    const row = await rowOf(bed.database, claimed.jobId)
    expect(row).toMatchObject({ statusid: 2, lockedby: 'me', leaseepoch: 1, startedat: null })
    const lease = (row['leaseexpiresat'] as Date).getTime() - Date.now()
    expect(Math.abs(lease - 20_000)).toBeLessThan(5_000)

    await bed.store.settle([settlement(claimed, { kind: 'returned', delayMs: 0 })])
    const [again] = await bed.store.claim(CLAIM)
    expect(again!.epoch).toBeGreaterThan(claimed.epoch)
  })

  it('frees the unique key, and keeps the inbox key', async () => {
    const { jobId } = await claimNew(bed.store, { uniqueKey: 'u', dedupeKey: 'd' })
    expect(await rowOf(bed.database, jobId)).toMatchObject({ uniquekey: null, dedupekey: 'd' })
    expect(await insert(bed.store, newJob({ uniqueKey: 'u' }))).toEqual(['stored'])
    expect(await insert(bed.store, newJob({ dedupeKey: 'd' }))).toEqual(['duplicate'])
  })

  it('gives what the handler needs', async () => {
    const job = newJob({
      queue: 'orders',
      payload: 'text',
      contentType: 'text/plain',
      payloadEncoding: 'base64',
      headers: { a: ['b', 'c'] },
      metadata: { key: 'k' },
      method: 'topic/1',
      protocol: 'mqtt',
      priority: 4,
      maxRetries: 2,
      timeoutSeconds: 9,
      tenantId: 't',
      createdBy: 'c',
      parentJobId: 'p',
      correlationId: 'x',
    })
    await insert(bed.store, job)
    const { id, ...columns } = job
    const [claimed] = await bed.store.claim({ ...CLAIM, queue: 'orders' })
    expect(claimed).toMatchObject({ ...columns, jobId: id, rank: -4, retryCount: 0, recoveries: 0 })
    expect(claimed!.seq).toMatch(/^\d+$/)
    expect(claimed!.createdAt).toBeInstanceOf(Date)
  })

  it('leaves a large payload out, by its bytes, until the job begins', async () => {
    const small = newJob({ payload: 'x'.repeat(INLINE_PAYLOAD_BYTES) })
    const large = newJob({ payload: `${small.payload!}x` })
    const wide = newJob({ payload: '€'.repeat(INLINE_PAYLOAD_BYTES / 3 + 1) })
    const none = newJob()
    await insert(bed.store, small, large, wide, none)
    const claimed = await bed.store.claim(CLAIM)
    expect(claimed.map(({ payload }) => payload)).toEqual([
      small.payload,
      undefined,
      undefined,
      null,
    ])
    expect(await bed.store.readPayload(claimed[1]!)).toBe(large.payload)
    expect(await bed.store.readPayload(claimed[2]!)).toBe(wide.payload)
    expect(await bed.store.readPayload(claimed[3]!)).toBeNull()
  })

  it('lists the queues that have something ready', async () => {
    expect(await bed.store.readyQueues()).toEqual([])
    const queues = ['b', 'a', 'c', 'Ä', 'z z']
    await insert(bed.store, ...queues.flatMap((queue) => newJobs(3, { queue })))
    await insert(bed.store, newJob({ queue: 'later', delayMs: 60_000 }))
    await insert(bed.store, newJob({ queue: 'inactive' }))
    await bed.database.sql('UPDATE queue_jobs SET active = ? WHERE queue = ?', [false, 'inactive'])
    await bed.store.claim({ ...CLAIM, queue: 'c' })
    expect(new Set(await bed.store.readyQueues())).toEqual(new Set(['a', 'b', 'Ä', 'z z']))
    expect(await bed.store.readyQueues()).toHaveLength(4)
  })

  it('leaves the end of the execution before in the row until its own', async () => {
    const job = await claimNew(bed.store)
    await bed.store.settle([
      settlement(job, { kind: 'retry', delayMs: 0, error: 'no', lowerPriority: false }),
    ])
    const before = await rowOf(bed.database, job.jobId)
    expect(before['completedat']).not.toBeNull()
    await bed.database.sql('UPDATE queue_jobs SET scheduledat = NULL, statusid = 0')
    expect(await bed.store.claim(CLAIM)).toHaveLength(1)
    expect(await rowOf(bed.database, job.jobId)).toMatchObject({
      completedat: before['completedat'],
      startedat: null,
    })
  })
})
