import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { CLAIM, claimNew, codeOf, insert, newJob, settlement } from './jobs.ts'
import { storeSuite } from './store-suite.ts'

export const transactionPoolSuite = storeSuite('the connections of handlers', (bed) => {
  it('survive a wait longer than the idle limit, as long as the process lives', async () => {
    const store = bed.database.openStore({ idleInTransactionMs: 600 })
    try {
      const job = await claimNew(store)
      const transaction = store.openTransaction()
      await transaction.query('SELECT 1', [])
      // The limit is the server's, and its clock cannot be moved.
      await delay(1_500)
      await transaction.commit({ settlement: settlement(job), jobs: [] })
      expect(await store.findJob(job.jobId)).toMatchObject({ status: 'completed' })
    } finally {
      await store.close()
    }
  })

  it('are never those of claims, leases and inserts', async () => {
    const store = bed.database.openStore({ handlerConnections: 2 })
    const transactions = [store.openTransaction(), store.openTransaction()]
    try {
      for (const transaction of transactions) await transaction.query('SELECT 1', [])
      await insert(store, newJob())
      const [claimed] = await store.claim(CLAIM)
      expect(await store.renew({ keys: [claimed!], leaseMs: 1_000 })).toHaveLength(1)
      expect(await store.settle([settlement(claimed!)])).toHaveLength(1)
    } finally {
      for (const transaction of transactions) await transaction.rollback()
      await store.close()
    }
  })

  it('are given on when a transaction ends', async () => {
    const store = bed.database.openStore({ handlerConnections: 1 })
    try {
      const first = store.openTransaction()
      await first.query('SELECT 1', [])
      const second = store.openTransaction()
      const waiting = second.query('SELECT 2 AS two', [])
      await first.rollback()
      expect(await waiting).toEqual([{ two: 2 }])
      second.abandon()
      const third = store.openTransaction()
      expect(await third.query('SELECT 3 AS three', [])).toEqual([{ three: 3 }])
      await third.rollback()
    } finally {
      await store.close()
    }
  })

  it('are broken when the store is closed', async () => {
    const store = bed.database.openStore()
    const job = await claimNew(store)
    const idle = store.openTransaction()
    await idle.query('SELECT 1', [])
    const busy = store.openTransaction()
    const broken = expect(busy.query(bed.database.sleep(30), [])).rejects.toThrow()
    await expect.poll(() => bed.database.busyConnections()).toBe(1)
    await Promise.all([store.close(), store.close()])
    await broken
    expect(await codeOf(idle.commit({ settlement: settlement(job), jobs: [] }))).toBe(
      'transaction_lost',
    )
    await expect.poll(() => bed.database.busyConnections()).toBe(0)
    expect(await codeOf(store.ping())).toBe('database_unavailable')
    await bed.store.settle([settlement(job)])
  })
})
