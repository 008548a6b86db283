import { expect, it } from 'vitest'
import { CLAIM, claimNew, insert, newJob, newJobs, settlement } from './jobs.ts'
import { storeSuite } from './store-suite.ts'

export const readSuite = storeSuite('reading', (bed) => {
  it('says that an id is unknown', async () => {
    expect(await bed.store.findJob('unknown')).toBeUndefined()
    expect(await bed.store.listExecutions('unknown')).toBeUndefined()
    expect(await bed.store.readPayload({ jobId: 'unknown', epoch: 1 })).toBeNull()
    expect(await bed.store.findJob('a'.repeat(10_000))).toBeUndefined()
  })

  it('compares ids exactly', async () => {
    await insert(bed.store, newJob({ id: 'Ab' }))
    expect(await bed.store.findJob('Ab')).toBeDefined()
    for (const id of ['ab', 'Ab ', ' Ab', '']) {
      expect(await bed.store.findJob(id)).toBeUndefined()
      expect(await bed.store.listExecutions(id)).toBeUndefined()
    }
  })

  it('lists executions, the oldest first', async () => {
    const { jobId } = await claimNew(bed.store)
    expect(await bed.store.listExecutions(jobId)).toEqual([])
    for (let attempt = 0; attempt < 12; attempt += 1) {
      const epoch = 2 * attempt + 1
      const ending = { kind: 'returned', delayMs: 0 } as const
      const end = settlement({ jobId, epoch }, ending, { retryAttempt: attempt })
      expect(await bed.store.settle([end])).toHaveLength(1)
      await bed.store.claim(CLAIM)
    }
    const executions = (await bed.store.listExecutions(jobId))!
    expect(executions.map(({ retryAttempt }) => retryAttempt)).toEqual([...Array(12).keys()])
    expect(new Set(executions.map(({ id }) => id)).size).toBe(12)
  })

  it('gives a payload to its holder only', async () => {
    const claimed = await claimNew(bed.store, { payload: 'p' })
    expect(await bed.store.readPayload(claimed)).toBe('p')
    expect(await bed.store.readPayload({ ...claimed, epoch: claimed.epoch + 1 })).toBeNull()
  })

  it('counts the unfinished jobs of each queue', async () => {
    expect(await bed.store.queueDepths()).toEqual([])
    await insert(bed.store, ...newJobs(3, { queue: 'b' }))
    await insert(bed.store, newJob({ queue: 'b', delayMs: 60_000 }), newJob({ queue: 'hidden' }))
    await bed.database.sql('UPDATE queue_jobs SET active = ? WHERE queue = ?', [false, 'hidden'])
    await bed.store.claim({ ...CLAIM, queue: 'b', limit: 1 })
    const retried = await claimNew(bed.store, { queue: 'a' })
    await bed.store.settle([
      settlement(retried, { kind: 'retry', error: 'e', delayMs: 60_000, lowerPriority: false }),
    ])
    const ended = await claimNew(bed.store, { queue: 'ended' })
    await bed.store.settle([settlement(ended)])
    expect(await bed.store.queueDepths()).toEqual([
      { queue: 'a', pending: 0, processing: 0, queued: 0, waiting: 1 },
      { queue: 'b', pending: 2, processing: 1, queued: 0, waiting: 1 },
    ])
  })

  it('names the handlers that unfinished jobs want and nobody has', async () => {
    await insert(
      bed.store,
      newJob({ handler: 'known' }),
      newJob({ handler: 'gone' }),
      newJob({ handler: 'gone' }),
      newJob({ handler: 'later', delayMs: 60_000 }),
      newJob({ handler: 'dead', dead: { reason: 'r', error: 'e' } }),
    )
    const missing = await bed.store.missingHandlers(['known'])
    expect([...missing].sort()).toEqual(['gone', 'later'])
    expect(await bed.store.missingHandlers([])).toHaveLength(3)
  })

  it('answers a ping with its version and its time', async () => {
    const { version, latencyMs } = await bed.store.ping()
    expect(version).toMatch(/^\w+ \d+\.\d+/)
    expect(latencyMs).toBeGreaterThan(0)
  })
})
