import { expect, it } from 'vitest'
import { systemClock } from '../../../src/app/system-clock.ts'
import { isCrossdockError } from '../../../src/domain/errors.ts'
import type { Store } from '../../../src/ports/store.ts'
import { createCompletions } from '../../../src/worker/completions.ts'
import { recordingLog } from '../../integration/worker/recording-log.ts'
import { workerContext } from '../../unit/worker/context.ts'
import { CLAIM, claimNew, codeOf, count, insert, keyOf, newJob, settlement } from './jobs.ts'
import { storeSuite } from './store-suite.ts'

const NOTHING = { deadlocksRetried: 0, serializationFailures: 0, lockTimeouts: 0 }

export const contentionSuite = storeSuite('rows that somebody else holds', (bed) => {
  it('a deadlock of two ends is made again within the store, and counted', async () => {
    const { database } = bed
    const store = database.openStore()
    try {
      await insert(store, newJob({ id: 'a' }), newJob({ id: 'b' }))
      const [a, b] = await store.claim(CLAIM)
      expect(store.statistics()).toEqual(NOTHING)
      const lock = (id: string): string => `SELECT 1 FROM queue_jobs WHERE id = '${id}' FOR UPDATE`
      const ended = await inADeadlock(
        () => database.standInTheWay({ takes: lock('b'), wants: lock('a') }),
        () => store.settle([settlement(a!), settlement(b!)]),
      )
      expect(ended).toHaveLength(2)
      expectDeadlocks(store)
      expect(await count(database, 'queue_jobs', 'statusid = 3')).toBe(2)
      expect(await count(database, 'job_histories')).toBe(2)
    } finally {
      await store.close()
    }
  })

  it('a deadlock of two inserts is made again within the store, and counted', async () => {
    const { database } = bed
    const store = database.openStore()
    try {
      // An id given by hand: one that is made here would differ from row to row of a statement.
      const take = (key: string): string =>
        `INSERT INTO queue_jobs (id, handler, dedupekey) VALUES ('other ${key}', 'h', '${key}')`
      const jobs = ['a', 'b'].map((key) => newJob({ dedupeKey: key }))
      const outcomes = await inADeadlock(
        () => database.standInTheWay({ takes: take('b'), wants: take('a') }),
        () => insert(store, ...jobs),
      )
      expect(outcomes).toEqual(['stored', 'stored'])
      expectDeadlocks(store)
      expect(await count(database, 'queue_jobs')).toBe(2)
    } finally {
      await store.close()
    }
  })

  it('a wait for a lock that runs out is told and counted, and nothing of the group is written', async () => {
    const { database } = bed
    const store = database.openStore()
    try {
      const jobs = [await claimNew(store), await claimNew(store)]
      const ends = jobs.map((job) => settlement(job))
      const { release } = await database.lockRow(jobs[1]!.jobId)
      expect(await codeOf(store.settle(ends))).toBe('database_locked')
      expect(store.statistics()).toEqual({ ...NOTHING, lockTimeouts: 1 })
      expect(await count(database, 'queue_jobs', 'statusid = 2')).toBe(2)
      expect(await count(database, 'job_histories')).toBe(0)
      await release()
      expect(await store.settle(ends)).toEqual(jobs.map(keyOf))
    } finally {
      await store.close()
    }
  })

  it('a group of ends with a locked row: the others end, that one when the lock has gone, and nobody is warned', async () => {
    const { database } = bed
    const store = database.openStore()
    const log = recordingLog()
    try {
      const completions = createCompletions({
        ...workerContext(store).context,
        clock: systemClock,
        log,
      })
      const jobs = [await claimNew(store), await claimNew(store), await claimNew(store)]
      const locked = jobs[1]!.jobId
      const { release } = await database.lockRow(locked)
      const ended = new Map<string, boolean>()
      for (const job of jobs) {
        completions.add(settlement(job), (committed) => ended.set(job.jobId, committed))
      }
      await expect.poll(() => ended.size, { timeout: 10_000 }).toBe(2)
      expect(ended.has(locked)).toBe(false)
      expect(store.statistics().lockTimeouts).toBeGreaterThan(0)
      await release()
      await completions.idle()
      expect([...ended.values()]).toEqual([true, true, true])
      expect(await count(database, 'job_histories')).toBe(3)
      expect(log.lines.filter(({ level }) => level !== 'debug')).toEqual([])
    } finally {
      await store.close()
    }
  })
})

/**
 * What `ours` resolves to while somebody stands in its way. A server under load may look for the deadlock
 * before the other side waits, and does not look again: the wait for the lock then runs out, and both
 * begin anew.
 */
async function inADeadlock<T>(
  standInTheWay: () => Promise<{ readonly over: Promise<void> }>,
  ours: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const { over } = await standInTheWay()
    try {
      return await ours()
    } catch (error) {
      if (attempt === 5 || !isCrossdockError(error, 'database_locked')) throw error
    } finally {
      await over
    }
  }
}
/** More than one, where the repeat came before the other side had what it waited for. */
function expectDeadlocks(store: Store): void {
  const { deadlocksRetried, serializationFailures } = store.statistics()
  expect(deadlocksRetried).toBeGreaterThan(0)
  expect(serializationFailures).toBe(0)
}
