import { expect, it } from 'vitest'
import type { Ending, ExecutionKey } from '../../../src/ports/store.ts'
import {
  CLAIM,
  claimNew,
  codeOf,
  count,
  insert,
  keyOf,
  newJobs,
  rowOf,
  settlement,
} from './jobs.ts'
import { storeSuite } from './store-suite.ts'

/** What one kind of ending writes into the row, and into the history. */
const ENDINGS: readonly (readonly [Ending, row: object, history: object])[] = [
  [
    { kind: 'completed', result: '{"ok":true}' },
    {
      status: 'completed',
      result: '{"ok":true}',
      deadReason: null,
      lastError: null,
      retryCount: 0,
    },
    { status: 'completed', result: '{"ok":true}', error: null, metadata: null },
  ],
  [
    { kind: 'failed', error: 'broken', deadReason: 'permanent' },
    { status: 'failed', lastError: 'broken', deadReason: 'permanent', retryCount: 0, result: null },
    { status: 'failed', error: 'broken', result: null, metadata: { willretry: false } },
  ],
  [
    { kind: 'retry', error: 'later', delayMs: 60_000, lowerPriority: true },
    { status: 'retrying', lastError: 'later', deadReason: null, retryCount: 1, priority: 4 },
    { status: 'failed', error: 'later', metadata: { willretry: true } },
  ],
  [
    { kind: 'retry', error: 'later', delayMs: 60_000, lowerPriority: false },
    { status: 'retrying', retryCount: 1, priority: 5 },
    { status: 'failed', metadata: { willretry: true } },
  ],
  [
    { kind: 'snoozed', delayMs: 60_000 },
    { status: 'scheduled', retryCount: 0, priority: 5, lastError: null },
    { status: 'scheduled', error: null, metadata: null },
  ],
  [
    { kind: 'cancelled', reason: 'not wanted' },
    { status: 'cancelled', retryCount: 0, deadReason: null },
    { status: 'cancelled', error: 'not wanted' },
  ],
  [
    { kind: 'returned', delayMs: 0 },
    { status: 'pending', retryCount: 0, priority: 5, scheduledAt: null },
    { status: 'pending', error: null },
  ],
  [
    { kind: 'returned', delayMs: 60_000 },
    { status: 'scheduled', retryCount: 0 },
    { status: 'pending' },
  ],
]

const PROGRESS = { current: 3, total: 9, message: 'on the way' }

export const settleSuite = storeSuite('ending executions', (bed) => {
  it.each(ENDINGS)('writes row and history of %o', async (ending, row, history) => {
    const claimed = await claimNew(bed.store, { priority: 5 })
    await bed.store.updateProgress([{ ...keyOf(claimed), progress: PROGRESS }])
    const more = { retryAttempt: 2, inputData: 'as read' }
    expect(await bed.store.settle([settlement(claimed, ending, more)])).toEqual([keyOf(claimed)])

    const job = (await bed.store.findJob(claimed.jobId))!
    expect(job).toMatchObject(row)
    if ('delayMs' in ending && ending.delayMs > 0) {
      const due = job.scheduledAt!.getTime() - job.completedAt!.getTime()
      expect(Math.abs(due - ending.delayMs)).toBeLessThan(1_000)
    }
    const reached = ending.kind === 'completed' ? 9 : ending.kind === 'retry' ? 0 : 3
    expect(job.progress).toEqual({ ...PROGRESS, current: reached })
    expect(job.completedAt!.getTime() - job.startedAt!.getTime()).toBeGreaterThanOrEqual(249)

    const executions = (await bed.store.listExecutions(claimed.jobId))!
    expect(executions).toHaveLength(1)
    expect(executions[0]).toMatchObject({
      ...history,
      executionId: `${claimed.jobId}:${claimed.epoch}`,
      durationMs: 250,
      retryAttempt: 2,
      executedBy: 'instance-1/worker-1',
    })
    const { startedAt, completedAt } = executions[0]!
    expect(Math.abs(completedAt!.getTime() - startedAt.getTime() - 250)).toBeLessThan(20)
    const [raw] = await bed.database.sql('SELECT inputdata FROM job_histories')
    expect(raw).toEqual({ inputdata: 'as read' })
  })

  it('lets go of the job: no holder, no lease, a higher epoch', async () => {
    const claimed = await claimNew(bed.store)
    await bed.store.settle([settlement(claimed)])
    const row = await rowOf(bed.database, claimed.jobId)
    expect(row).toMatchObject({ lockedby: null, leaseexpiresat: null })
    expect(Number(row['leaseepoch'])).toBeGreaterThan(claimed.epoch)
  })

  it('keeps the last error of a job that succeeds in the end', async () => {
    const first = await claimNew(bed.store)
    await bed.store.settle([
      settlement(first, { kind: 'retry', error: 'once', delayMs: 0, lowerPriority: true }),
    ])
    await bed.store.promoteDue({ limit: 10 })
    const [second] = await bed.store.claim(CLAIM)
    expect(second).toMatchObject({ retryCount: 1, priority: -1 })
    await bed.store.settle([settlement(second!)])
    expect(await bed.store.findJob(first.jobId)).toMatchObject({
      status: 'completed',
      lastError: 'once',
      deadReason: null,
      retryCount: 1,
    })
  })

  it('never lowers a priority beyond what the column holds', async () => {
    const lowest = -2_147_483_647
    const claimed = await claimNew(bed.store, { priority: lowest })
    const ending = { kind: 'retry', error: 'e', delayMs: 0, lowerPriority: true } as const
    expect(await bed.store.settle([settlement(claimed, ending)])).toHaveLength(1)
    expect(await bed.store.findJob(claimed.jobId)).toMatchObject({ priority: lowest })
  })

  it('writes no history for what never began, and does not count it', async () => {
    const claimed = await claimNew(bed.store)
    const unbegun = { durationMs: null }
    const ending = { kind: 'returned', delayMs: 0 } as const
    expect(await bed.store.settle([settlement(claimed, ending, unbegun)])).toHaveLength(1)
    expect(await bed.store.findJob(claimed.jobId)).toMatchObject({
      status: 'pending',
      retryCount: 0,
      startedAt: null,
      completedAt: null,
    })
    expect(await count(bed.database, 'job_histories')).toBe(0)
  })

  it('writes nothing for an epoch that is not the row’s', async () => {
    const claimed = await claimNew(bed.store)
    const before = await rowOf(bed.database, claimed.jobId)
    for (const epoch of [claimed.epoch - 1, claimed.epoch + 1]) {
      expect(await bed.store.settle([settlement({ ...claimed, epoch })])).toEqual([])
    }
    expect(await bed.store.settle([settlement({ jobId: 'nobody', epoch: 1 })])).toEqual([])
    expect(await rowOf(bed.database, claimed.jobId)).toEqual(before)
    expect(await count(bed.database, 'job_histories')).toBe(0)
  })

  it.each(Object.entries({ cancelrequested: true, statusid: 6 }))(
    'writes nothing once somebody set %s to %s',
    async (column, value) => {
      const claimed = await claimNew(bed.store)
      await bed.database.sql(`UPDATE queue_jobs SET ${column} = ?`, [value])
      const before = await rowOf(bed.database, claimed.jobId)
      expect(await bed.store.settle([settlement(claimed)])).toEqual([])
      expect(await rowOf(bed.database, claimed.jobId)).toEqual(before)
      expect(await count(bed.database, 'job_histories')).toBe(0)
    },
  )

  it('ends as cancelled what was asked to stop', async () => {
    const claimed = await claimNew(bed.store)
    await bed.database.sql('UPDATE queue_jobs SET cancelrequested = ?', [true])
    const cancelled = settlement(claimed, { kind: 'cancelled', reason: 'asked for' })
    expect(await bed.store.settle([cancelled])).toEqual([keyOf(claimed)])
    expect(await bed.store.findJob(claimed.jobId)).toMatchObject({ status: 'cancelled' })
  })

  it('ends a group of 500, and tells which of them were lost', async () => {
    await insert(bed.store, ...newJobs(500))
    const claimed = await bed.store.claim({ ...CLAIM, limit: 500 })
    const lost = claimed.filter((_, index) => index % 7 === 0)
    await bed.store.settle(lost.map((key) => settlement(key, { kind: 'returned', delayMs: 0 })))
    const kept = await bed.store.settle(claimed.map((key) => settlement(key)))
    const expected = claimed.filter((key) => !lost.includes(key)).map(keyOf)
    const ids = (group: readonly ExecutionKey[]): unknown => group.map(({ jobId }) => jobId).sort()
    expect(ids(kept)).toEqual(ids(expected))
    expect(await count(bed.database, 'queue_jobs', 'statusid = 3')).toBe(expected.length)
    expect(await count(bed.database, 'job_histories')).toBe(500)
  })

  it('ends an execution once, however often it is told', async () => {
    const claimed = await claimNew(bed.store)
    const twice = [settlement(claimed), settlement(claimed)]
    expect(await bed.store.settle(twice)).toEqual([keyOf(claimed)])
    const at = await rowOf(bed.database, claimed.jobId)
    const failed = { kind: 'failed', error: 'e', deadReason: 'd' } as const
    expect(await bed.store.settle([settlement(claimed, failed)])).toEqual([])
    expect(await rowOf(bed.database, claimed.jobId)).toEqual(at)
    expect(await count(bed.database, 'job_histories')).toBe(1)
  })

  it('ends an execution once when two tell it at once', async () => {
    const claimed = await claimNew(bed.store)
    const many = Array.from({ length: 6 }, () => bed.store.settle([settlement(claimed)]))
    expect((await Promise.all(many)).flat()).toEqual([keyOf(claimed)])
    expect(await count(bed.database, 'job_histories')).toBe(1)
  })

  it('has one history row for an execution, by the database’s own rule', async () => {
    const claimed = await claimNew(bed.store)
    await bed.store.settle([settlement(claimed)])
    const [row] = await bed.database.sql('SELECT jobid, leaseepoch, startedat FROM job_histories')
    await expect(
      bed.database.sql(
        'INSERT INTO job_histories (jobid, leaseepoch, statusid, startedat) VALUES (?, ?, 3, ?)',
        Object.values(row!),
      ),
    ).rejects.toThrow(/duplicate/i)
  })

  it('tells afterwards which executions have ended', async () => {
    const ended = await claimNew(bed.store)
    await bed.store.settle([settlement(ended)])
    const running = await claimNew(bed.store)
    const other = { ...keyOf(ended), epoch: ended.epoch + 1 }
    const asked = [ended, running, other, { jobId: 'nobody', epoch: 1 }].map(keyOf)
    expect(await bed.store.settled(asked)).toEqual([keyOf(ended)])
  })

  it('refuses a whole group for data that cannot be stored, and writes nothing of it', async () => {
    await insert(bed.store, ...newJobs(3))
    const claimed = await bed.store.claim(CLAIM)
    const group = claimed.map((key, index) =>
      settlement(key, { kind: 'completed', result: index === 1 ? 'a\0b' : null }),
    )
    expect(await codeOf(bed.store.settle(group))).toBe('database_data')
    expect(await count(bed.database, 'queue_jobs', 'statusid = 2')).toBe(3)
    expect(await count(bed.database, 'job_histories')).toBe(0)
  })

  it('waits for a row that somebody has locked, and writes it then', async () => {
    const claimed = await claimNew(bed.store)
    const lock = await bed.database.lockRow(claimed.jobId)
    const settling = bed.store.settle([settlement(claimed)])
    await expect.poll(() => bed.database.busyConnections()).toBe(1)
    await lock.release()
    expect(await settling).toEqual([keyOf(claimed)])
  })

  it('stores the jobs of those alone that were still the caller’s, in their commit', async () => {
    const mine = await claimNew(bed.store)
    const lost = await claimNew(bed.store)
    const beside = newJobs(3, { handler: 'outbound.publish', queue: 'kafka:dead' })
    const ending = { kind: 'failed', error: 'broken', deadReason: 'permanent' } as const
    const kept = await bed.store.settle([
      settlement(mine, ending, { jobs: beside.slice(0, 2) }),
      settlement({ ...lost, epoch: lost.epoch + 1 }, ending, { jobs: beside.slice(2) }),
    ])
    expect(kept).toEqual([keyOf(mine)])
    expect(await rowOf(bed.database, mine.jobId)).toMatchObject({ statusid: 4 })
    expect(await rowOf(bed.database, lost.jobId)).toMatchObject({ statusid: 2 })
    expect(await count(bed.database, 'queue_jobs', "queue = 'kafka:dead'")).toBe(2)
    // The same again ends nothing, and stores nothing.
    await bed.store.settle([settlement(mine, ending, { jobs: beside.slice(2) })])
    expect(await count(bed.database, 'queue_jobs', "queue = 'kafka:dead'")).toBe(2)
  })

  it('ends nothing when its jobs cannot be stored', async () => {
    const claimed = await claimNew(bed.store)
    const ending = { kind: 'failed', error: 'broken', deadReason: 'permanent' } as const
    const jobs = newJobs(1, { method: 'x'.repeat(101) })
    expect(await codeOf(bed.store.settle([settlement(claimed, ending, { jobs })]))).toBe(
      'database_data',
    )
    expect(await rowOf(bed.database, claimed.jobId)).toMatchObject({ statusid: 2 })
    expect(await count(bed.database, 'job_histories')).toBe(0)
  })
})
