import { describe, expect, it } from 'vitest'
import type { NewJob } from '../../../src/domain/job.ts'
import type { TurnKey } from '../../../src/domain/turn.ts'
import type { ClaimedJob, Ending } from '../../../src/ports/store.ts'
import { turnName } from '../../../src/domain/turn.ts'
import { CLAIM, count, insert, newJob, rowOf, settlement } from './jobs.ts'
import { storeSuite } from './store-suite.ts'

const FUTURE = new Date('2100-01-01T00:00:00Z')
const KEY: TurnKey = { tenantId: null, orderingKey: 'k' }

export const turnsSuite = storeSuite('turns', (bed) => {
  /** Jobs of one key, in the order of their seq; ids `1`, `2`, … */
  async function insertLane(columns: readonly Partial<NewJob>[]): Promise<void> {
    const jobs = columns.map((each, index) =>
      newJob({ id: String(index + 1), orderingKey: 'k', ...each }),
    )
    // One by one: the rows of one INSERT have no order that is promised.
    for (const job of jobs) await insert(bed.store, job)
  }

  async function statuses(): Promise<readonly unknown[]> {
    const rows = await bed.database.sql('SELECT statusid FROM queue_jobs ORDER BY seq')
    return rows.map(({ statusid }) => statusid)
  }

  async function give(...keys: readonly TurnKey[]): Promise<number> {
    const { count: given } = await bed.store.giveTurns(keys.length === 0 ? [KEY] : keys)
    return given
  }

  /** The one that has the turn now. */
  async function claimOne(): Promise<ClaimedJob> {
    const claimed = await bed.store.claim(CLAIM)
    if (claimed.length !== 1) throw new Error(`${claimed.length} were claimed, not one`)
    return claimed[0]!
  }

  async function end(job: ClaimedJob, ending: Ending): Promise<void> {
    expect(await bed.store.settle([settlement(job, ending)])).toHaveLength(1)
  }

  describe('the jobs of an ordering key', () => {
    it('wait until a turn is given, and run one at a time in the order of arrival, whatever their priority', async () => {
      await insertLane([{}, { priority: 5 }, { priority: 9 }])
      expect(await statuses()).toEqual([1, 1, 1])
      expect(await bed.store.claim(CLAIM)).toEqual([])
      for (const id of ['1', '2', '3']) {
        expect(await bed.store.giveTurns([KEY])).toEqual({ queues: ['default'], count: 1 })
        expect(await give()).toBe(0)
        const job = await claimOne()
        expect(job).toMatchObject({ jobId: id, orderingKey: 'k', tenantId: null })
        expect(await give()).toBe(0)
        await end(job, { kind: 'completed', result: null })
      }
      expect(await give()).toBe(0)
    })

    it('are let go by one that failed for good, and by one that was cancelled', async () => {
      await insertLane([{}, {}, {}])
      await give()
      await end(await claimOne(), { kind: 'failed', error: 'e', deadReason: 'd' })
      expect(await give()).toBe(1)
      await end(await claimOne(), { kind: 'cancelled', reason: 'r' })
      expect(await give()).toBe(1)
      expect(await statuses()).toEqual([4, 6, 0])
    })

    it('are held by one that is tried again, which has its turn still when it is due', async () => {
      await insertLane([{}, {}])
      await give()
      await end(await claimOne(), { kind: 'retry', error: 'e', delayMs: 0, lowerPriority: true })
      expect(await give()).toBe(0)
      expect(await statuses()).toEqual([5, 1])
      expect(await bed.store.promoteDue({ limit: 10 })).toMatchObject({
        queues: ['default'],
        turns: [],
      })
      expect(await statuses()).toEqual([0, 1])
      expect((await claimOne()).jobId).toBe('1')
    })

    it('are held by one that waits for its time, which then waits for its turn', async () => {
      await insertLane([{ delayMs: 50 }, {}])
      expect(await statuses()).toEqual([7, 1])
      expect(await give()).toBe(0)
      await expect
        .poll(() => bed.store.promoteDue({ limit: 10 }))
        .toMatchObject({
          count: 1,
          queues: [],
          turns: [KEY],
        })
      expect(await statuses()).toEqual([1, 1])
      expect(await give()).toBe(1)
      expect(await statuses()).toEqual([0, 1])
    })

    it('are held by one that snoozes', async () => {
      await insertLane([{}, {}])
      await give()
      await end(await claimOne(), { kind: 'snoozed', delayMs: 60_000 })
      expect(await give()).toBe(0)
      expect(await statuses()).toEqual([7, 1])
    })

    it('are held by one that is given back, at once or for later', async () => {
      await insertLane([{}, {}])
      await give()
      await end(await claimOne(), { kind: 'returned', delayMs: 0 })
      expect(await give()).toBe(0)
      expect(await statuses()).toEqual([0, 1])
      await end(await claimOne(), { kind: 'returned', delayMs: 60_000 })
      expect(await give()).toBe(0)
      expect(await statuses()).toEqual([7, 1])
    })

    it('are held by one that is taken from a dead process', async () => {
      await insertLane([{}, {}])
      await give()
      await bed.store.claim({ ...CLAIM, leaseMs: -1_000 })
      const decide = (): Ending => ({ kind: 'returned', delayMs: 0 })
      expect(await bed.store.recoverExpired({ limit: 10, executedBy: 'r', decide })).toHaveLength(1)
      expect(await give()).toBe(0)
      expect(await statuses()).toEqual([0, 1])
    })

    it('do not wait for those of other keys', async () => {
      await insertLane([{ orderingKey: 'a' }, { orderingKey: 'a' }, { orderingKey: 'b' }, {}])
      const keys = ['a', 'b', 'k'].map((orderingKey) => ({ tenantId: null, orderingKey }))
      expect(await give(...keys)).toBe(3)
      expect(await statuses()).toEqual([0, 1, 0, 0])
    })

    it('queue behind the holder when they are committed late, and come before the others then', async () => {
      const late = await bed.database.openTransaction()
      await late.sql(`INSERT INTO queue_jobs (id, handler, orderingkey) VALUES ('late', 'h', 'k')`)
      await insertLane([{}, {}])
      // Nobody waits for the open transaction.
      expect(await give()).toBe(1)
      await late.commit()
      expect(await give()).toBe(0)
      expect(await statuses()).toEqual([1, 0, 1])
      await end(await claimOne(), { kind: 'completed', result: null })
      await give()
      expect((await claimOne()).jobId).toBe('late')
    })

    it('are not overtaken when somebody has the head locked', async () => {
      await insertLane([{}, {}])
      const lock = await bed.database.lockRow('1')
      // Its queue is woken: another giver may have it locked, and a claim passes over locked rows.
      expect(await bed.store.giveTurns([KEY])).toEqual({ queues: ['default'], count: 0 })
      await lock.release()
      expect(await give()).toBe(1)
      expect(await statuses()).toEqual([0, 1])
    })

    it('are told apart by every byte of the key', async () => {
      const keys = ['Ab', 'ab', 'Ab ', 'äb', 'a\u0308b', '', '|', 'Ab|'].map((orderingKey) => ({
        tenantId: null,
        orderingKey,
      }))
      await insertLane(keys.map(({ orderingKey }) => ({ orderingKey })))
      expect(await give(...keys)).toBe(keys.length)
    })

    it('are of one tenant each: none, the empty one, and those that look alike', async () => {
      const keys: readonly TurnKey[] = [
        { tenantId: null, orderingKey: 'k' },
        { tenantId: '', orderingKey: 'k' },
        { tenantId: 'a', orderingKey: 'k' },
        { tenantId: 'A', orderingKey: 'k' },
        { tenantId: 'a ', orderingKey: 'k' },
        { tenantId: 'a|', orderingKey: 'k' },
        { tenantId: 'a', orderingKey: '|k' },
        { tenantId: null, orderingKey: '1:a|k' },
        { tenantId: '😀é', orderingKey: 'k' },
      ]
      for (let row = 0; row < 2; row += 1) {
        for (const { tenantId, orderingKey } of keys) {
          await bed.database.sql(
            'INSERT INTO queue_jobs (handler, tenantid, orderingkey) VALUES (?, ?, ?)',
            ['h', tenantId, orderingKey],
          )
        }
      }
      expect(new Set(keys.map(turnName)).size).toBe(keys.length)
      expect(await give(...keys)).toBe(keys.length)
      expect(await give(...keys)).toBe(0)
      expect(await count(bed.database, 'queue_jobs', 'statusid = 0')).toBe(keys.length)
    })

    it('may have keys and tenants as long as their columns', async () => {
      const key = { tenantId: '😀'.repeat(255), orderingKey: '😁'.repeat(255) }
      await insert(bed.store, newJob(key), newJob(key))
      expect(await give(key)).toBe(1)
      expect(await bed.store.walkTurns({ after: null, limit: 10 })).toMatchObject({ count: 0 })
    })

    it('are counted as queued', async () => {
      await insertLane([{}, {}, {}, { delayMs: 60_000 }])
      await give()
      expect(await bed.store.queueDepths()).toEqual([
        { queue: 'default', pending: 1, processing: 0, queued: 2, waiting: 1 },
      ])
    })
  })

  describe('a row with an ordering key that SQL writes', () => {
    const insertRow = async (columns: Readonly<Record<string, unknown>>): Promise<string> => {
      const row = { id: 'row', handler: 'h', orderingkey: 'k', ...columns }
      await bed.database.sql(
        `INSERT INTO queue_jobs (${Object.keys(row).join(', ')})
         VALUES (${Object.keys(row)
           .map(() => '?')
           .join(', ')})`,
        Object.values(row),
      )
      return row.id
    }
    const status = async (id = 'row'): Promise<unknown> =>
      (await rowOf(bed.database, id))['statusid']
    const update = (assignments: string, id = 'row'): Promise<unknown> =>
      bed.database.sql(`UPDATE queue_jobs SET ${assignments} WHERE id = ?`, [id])

    it.each([
      [{}, 1],
      [{ statusid: 0 }, 1],
      [{ statusid: 1 }, 1],
      [{ statusid: 2 }, 1],
      [{ statusid: 5 }, 1],
      [{ scheduledat: new Date(0) }, 1],
      [{ scheduledat: FUTURE }, 7],
      [{ statusid: 1, scheduledat: FUTURE }, 7],
      [{ statusid: 5, scheduledat: FUTURE }, 7],
      [{ statusid: 7 }, 1],
      [{ statusid: 4 }, 4],
      [{ cancelrequested: true }, 6],
    ])('is taken as it should be: %j as %i', async (columns, expected) => {
      await insertRow(columns)
      expect(await status()).toBe(expected)
    })

    it('is not made ready by hand', async () => {
      await insertRow({})
      await update('statusid = 0')
      expect(await status()).toBe(1)
    })

    it.each([4, 6])('is queued when it is to run again, from %i', async (from) => {
      await insertRow({ statusid: from })
      await insertLane([{}])
      await give()
      await update('statusid = 0, retrycount = 0')
      expect(await status()).toBe(1)
      expect(await give()).toBe(0)
      await end(await claimOne(), { kind: 'completed', result: null })
      expect(await give()).toBe(1)
      expect(await status()).toBe(0)
    })

    it('keeps its turn while its holder waits for another attempt, whatever is done to that', async () => {
      await insertLane([{}, {}])
      await give()
      await end(await claimOne(), {
        kind: 'retry',
        error: 'e',
        delayMs: 60_000,
        lowerPriority: false,
      })
      await update('scheduledat = NULL', '1')
      expect(await statuses()).toEqual([0, 1])
      await update('statusid = 1', '1')
      expect(await statuses()).toEqual([0, 1])
    })

    it('holds its key when its time is put off, and lets it go when it is cancelled or inactive', async () => {
      await insertLane([{}, {}, {}])
      await give()
      await update(`scheduledat = '2100-01-01'`, '1')
      expect(await statuses()).toEqual([7, 1, 1])
      expect(await give()).toBe(0)
      await update('cancelrequested = true', '1')
      expect(await give()).toBe(1)
      expect(await statuses()).toEqual([6, 0, 1])
      await update('active = false', '2')
      expect(await give()).toBe(1)
      // Once active it waits again, though its status was Pending.
      await update('active = true', '2')
      expect(await statuses()).toEqual([6, 1, 0])
    })

    it('queues when it is given a key, and is ready when its key is taken away', async () => {
      await insertRow({ orderingkey: null })
      expect(await status()).toBe(0)
      await update(`orderingkey = 'k'`)
      expect(await status()).toBe(1)
      await give()
      await update(`tenantid = 't'`)
      expect(await status()).toBe(1)
      await update('orderingkey = NULL')
      expect(await status()).toBe(0)
    })

    it('is found by the next look at late comers, once', async () => {
      const start = await bed.store.lateTurns({ since: null, limit: 100 })
      expect(start).toMatchObject({ count: 0, more: false })
      await insertRow({})
      await insertLane([{ orderingKey: 'other' }])
      const look = await bed.store.lateTurns({ since: start.since, limit: 100 })
      expect(look).toMatchObject({ count: 2, queues: ['default'], more: false })
      expect(BigInt(look.since)).toBeGreaterThan(BigInt(start.since))
      expect(await bed.store.lateTurns({ since: look.since, limit: 100 })).toMatchObject({
        count: 0,
        since: look.since,
      })
    })
  })

  it('a walk finds every lane whose turn is free, step by step', async () => {
    const jobs = Array.from({ length: 60 }, (_, index) =>
      newJob({ orderingKey: `k${index % 20}`, tenantId: index % 2 === 0 ? 't' : undefined }),
    )
    for (const job of jobs) await insert(bed.store, job)
    let given = 0
    let after: string | null = null
    let steps = 0
    do {
      const step = await bed.store.walkTurns({ after, limit: 7 })
      given += step.count
      ;({ after } = step)
      steps += 1
    } while (after !== null)
    expect(given).toBe(20)
    expect(steps).toBeGreaterThan(2)
    expect(await bed.store.walkTurns({ after: null, limit: 1_000 })).toEqual({
      queues: [],
      count: 0,
      after: null,
    })
  })
})
