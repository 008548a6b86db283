import { expect, it } from 'vitest'
import { CLAIM, claimNew, insert, newJob, newJobs, rowOf, settlement } from './jobs.ts'
import { storeSuite } from './store-suite.ts'

const HOUR = 3_600_000

export const promoteSuite = storeSuite('promoting what is due', (bed) => {
  /** Stores jobs that wait, and sets the time they wait for: none is due when it is inserted. */
  async function waiting(...offsetsMs: readonly number[]): Promise<void> {
    const ids = offsetsMs.map((offset) => `${offset}`)
    await insert(bed.store, ...ids.map((id) => newJob({ id, delayMs: 10 * HOUR, queue: `q${id}` })))
    for (const id of ids) {
      const at = new Date(Date.now() + Number(id))
      await bed.database.sql('UPDATE queue_jobs SET scheduledat = ? WHERE id = ?', [at, id])
    }
  }

  async function statusOf(id: number): Promise<unknown> {
    return (await rowOf(bed.database, `${id}`))['statusid']
  }

  it('makes what is due ready, and nothing early', async () => {
    await waiting(-HOUR, -5, HOUR)
    const promotion = await bed.store.promoteDue({ limit: 10 })
    expect(promotion.count).toBe(2)
    expect(new Set(promotion.queues)).toEqual(new Set([`q-${HOUR}`, 'q-5']))
    expect([await statusOf(-HOUR), await statusOf(-5), await statusOf(HOUR)]).toEqual([0, 0, 7])
    expect(await bed.store.claim({ ...CLAIM, queue: `q-${HOUR}` })).toHaveLength(1)
  })

  it('says how long the next one waits, by the clock of the database', async () => {
    expect(await bed.store.promoteDue({ limit: 10 })).toEqual({
      count: 0,
      queues: [],
      nextDueInMs: null,
      turns: [],
    })
    await insert(bed.store, newJob({ delayMs: 2 * HOUR }), newJob({ delayMs: HOUR }))
    const { nextDueInMs } = await bed.store.promoteDue({ limit: 10 })
    expect(nextDueInMs).toBeLessThanOrEqual(HOUR)
    expect(nextDueInMs).toBeGreaterThan(HOUR - 10_000)
  })

  it('takes the longest due first, at most as many as asked for', async () => {
    await waiting(-1_000, -3_000, -2_000)
    expect(await bed.store.promoteDue({ limit: 2 })).toMatchObject({ count: 2 })
    expect(await statusOf(-1_000)).toBe(7)
    expect(await bed.store.promoteDue({ limit: 2 })).toMatchObject({ count: 1, nextDueInMs: null })
  })

  it('makes retries and snoozed jobs ready again, and names each queue once', async () => {
    for (const ending of [
      { kind: 'retry', error: 'e', delayMs: 0, lowerPriority: false },
      { kind: 'snoozed', delayMs: 0 },
    ] as const) {
      await bed.store.settle([settlement(await claimNew(bed.store), ending)])
    }
    expect(await bed.store.promoteDue({ limit: 10 })).toMatchObject({
      count: 2,
      queues: ['default'],
    })
    expect(await bed.store.claim(CLAIM)).toHaveLength(2)
  })

  it('leaves what is not active', async () => {
    await waiting(-1_000)
    await bed.database.sql('UPDATE queue_jobs SET active = ?', [false])
    expect(await bed.store.promoteDue({ limit: 10 })).toMatchObject({ count: 0, nextDueInMs: null })
  })

  it('passes over a job that somebody has locked, without waiting', async () => {
    await waiting(-2_000, -1_000)
    const lock = await bed.database.lockRow('-2000')
    try {
      expect(await bed.store.promoteDue({ limit: 10 })).toMatchObject({ queues: ['q-1000'] })
    } finally {
      await lock.release()
    }
    expect(await bed.store.promoteDue({ limit: 10 })).toMatchObject({ queues: ['q-2000'] })
  })

  it('makes each ready once, by several promoters at once', async () => {
    await insert(bed.store, ...newJobs(300, { delayMs: HOUR }))
    await bed.database.sql('UPDATE queue_jobs SET scheduledat = ?', [new Date(0)])
    const counts = await Promise.all(
      Array.from({ length: 4 }, async () => (await bed.store.promoteDue({ limit: 200 })).count),
    )
    const rest = await bed.store.promoteDue({ limit: 300 })
    expect(counts.reduce((all, each) => all + each, rest.count)).toBe(300)
    expect(await bed.store.claim({ ...CLAIM, limit: 300 })).toHaveLength(300)
  })

  it('is not stopped by a time that never comes', async () => {
    await waiting(-1_000)
    await bed.database
      .sql(`INSERT INTO queue_jobs (handler, scheduledat) VALUES ('h', 'infinity')`)
      .catch(() => undefined)
    expect(await bed.store.promoteDue({ limit: 10 })).toMatchObject({ count: 1, nextDueInMs: null })
  })
})
