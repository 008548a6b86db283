import { expect, it } from 'vitest'
import type { TurnKey } from '../../../src/domain/turn.ts'
import type { Store } from '../../../src/ports/store.ts'
import { CLAIM, count, newJob, settlement } from './jobs.ts'
import { storeSuite } from './store-suite.ts'

const KEYS = 200
const JOBS = 20
const GIVERS = 8

export const turnGiversSuite = storeSuite('givers of turns', (bed) => {
  const keys: readonly TurnKey[] = Array.from({ length: KEYS }, (_, index) => ({
    tenantId: index % 3 === 0 ? null : 't',
    orderingKey: `k${index}`,
  }))

  it(
    `let no key have two at once, ${GIVERS} of them over ${KEYS} keys`,
    { timeout: 120_000 },
    async () => {
      for (let round = 0; round < JOBS; round += 1) {
        const jobs = keys.map(({ tenantId, orderingKey }) =>
          newJob({ orderingKey, tenantId: tenantId ?? undefined }),
        )
        await bed.store.insertJobs({ jobs, again: false })
      }
      const stores = Array.from({ length: 4 }, () => bed.database.openStore())
      let left = KEYS * JOBS
      let samples = 0
      const order = new Map<string, bigint>()

      async function giver(store: Store, index: number): Promise<void> {
        let after: string | null = null
        while (left > 0) {
          if (index % 2 === 0) {
            ;({ after } = await store.walkTurns({ after, limit: 150 }))
          } else {
            await store.giveTurns(keys.filter(() => Math.random() < 0.3))
          }
        }
      }

      async function worker(store: Store): Promise<void> {
        while (left > 0) {
          const claimed = await store.claim({ ...CLAIM, limit: 50 })
          for (const { orderingKey, tenantId, seq } of claimed) {
            const name = `${tenantId ?? ''} ${orderingKey ?? ''}`
            expect(BigInt(seq)).toBeGreaterThan(order.get(name) ?? 0n)
            order.set(name, BigInt(seq))
          }
          const ended = await store.settle(claimed.map((job) => settlement(job)))
          left -= ended.length
        }
      }

      async function watch(): Promise<void> {
        while (left > 0) {
          const twice = await bed.database.sql(`SELECT tenantid, orderingkey FROM queue_jobs
            WHERE statusid IN (0, 2, 5) GROUP BY tenantid, orderingkey HAVING count(*) > 1`)
          expect(twice).toEqual([])
          samples += 1
        }
      }

      try {
        await Promise.all([
          ...Array.from({ length: GIVERS }, (_, index) => giver(stores[index % 4]!, index)),
          worker(stores[0]!),
          worker(stores[1]!),
          watch(),
        ])
      } finally {
        left = 0
        await Promise.all(stores.map((store) => store.close()))
      }
      expect(samples).toBeGreaterThan(5)
      expect(await count(bed.database, 'queue_jobs', 'statusid = 3')).toBe(KEYS * JOBS)
    },
  )

  it('that looked before a late commit and after it cannot both give', async () => {
    const id = (name: string): string =>
      `INSERT INTO queue_jobs (id, handler, orderingkey) VALUES ('${name}', 'h', 'k')`
    await bed.database.sql(id('first'))
    await bed.database.sql(id('second'))
    // What a giver without a fresh look would do: the second has the turn, and the first is made ready.
    await bed.store.giveTurns([{ tenantId: null, orderingKey: 'k' }])
    const forced = `UPDATE queue_jobs SET statusid = 0 WHERE id = 'second'`
    await expect(bed.database.sqlAsGiver(forced)).rejects.toThrow(/queue_jobs_turn/)
  })
})
