import { afterEach, beforeEach, expect, it } from 'vitest'
import type { ClaimedJob, HandlerTransaction } from '../../../src/ports/store.ts'
import type { NewJob } from '../../../src/domain/job.ts'
import { claimNew, codeOf, count, newJob, settlement } from './jobs.ts'
import { storeSuite } from './store-suite.ts'

/** A handler's effect. */
const EFFECT = 'INSERT INTO effects (note) VALUES ('

export const transactionSuite = storeSuite('handlers’ transactions', (bed) => {
  let job: ClaimedJob
  let transaction: HandlerTransaction

  beforeEach(async () => {
    await bed.database.sql('CREATE TABLE IF NOT EXISTS effects (note varchar(100))')
    await bed.database.sql('DELETE FROM effects')
    job = await claimNew(bed.store)
    transaction = bed.store.openTransaction()
  })

  // Its locks would hold up the next test.
  afterEach(() => transaction.rollback())

  function commit(...jobs: readonly NewJob[]): Promise<void> {
    return transaction.commit({ settlement: settlement(job), jobs })
  }

  async function effect(note = 'done'): Promise<void> {
    await transaction.sql([EFFECT, ')'], [note])
  }

  /** Nothing of the handler is there, its job is still its worker's, and can be ended as failed. */
  async function expectNothing(): Promise<void> {
    expect(await count(bed.database, 'effects')).toBe(0)
    expect(await count(bed.database, 'queue_jobs')).toBe(1)
    expect(await bed.store.settled([job])).toEqual([])
    const failed = { kind: 'failed', error: 'e', deadReason: 'd' } as const
    expect(await bed.store.settle([settlement(job, failed)])).toHaveLength(1)
    // The pool has given nobody a connection that is broken or still in a transaction.
    const next = bed.store.openTransaction()
    const other = await claimNew(bed.store)
    await next.sql([EFFECT, ')'], ['next'])
    await next.commit({ settlement: settlement(other), jobs: [] })
    expect(await bed.database.sql('SELECT note FROM effects')).toEqual([{ note: 'next' }])
  }

  it('commit the effect, the jobs it made, its end and its history together', async () => {
    const child = newJob({ payload: 'made by a handler' })
    expect(transaction.begun).toBe(false)
    await effect()
    expect(transaction.begun).toBe(true)
    expect(await count(bed.database, 'effects')).toBe(0)
    await commit(child, newJob())
    expect(await count(bed.database, 'effects')).toBe(1)
    expect(await bed.store.findJob(child.id)).toMatchObject({ status: 'pending' })
    expect(await bed.store.findJob(job.jobId)).toMatchObject({ status: 'completed' })
    expect(await bed.store.listExecutions(job.jobId)).toMatchObject([{ status: 'completed' }])
    expect(await count(bed.database, 'queue_jobs')).toBe(3)
  })

  it('commit jobs and the end where the handler ran no SQL', async () => {
    await commit(newJob())
    expect(await count(bed.database, 'queue_jobs')).toBe(2)
    expect(await bed.store.settled([job])).toHaveLength(1)
  })

  it('give rows, and see what they wrote', async () => {
    await effect('mine')
    expect(await transaction.sql(['SELECT note FROM effects'], [])).toEqual([{ note: 'mine' }])
    expect(await transaction.query('SELECT note FROM effects', [])).toEqual([{ note: 'mine' }])
    expect(await transaction.client()).toBeTypeOf('object')
  })

  it('bind values, whatever stands in them', async () => {
    const note = `'); DELETE FROM effects; -- $1 ? \\`
    await effect('before')
    await effect(note)
    await commit()
    const rows = await bed.database.sql('SELECT note FROM effects')
    expect(new Set(rows.map((row) => row['note']))).toEqual(new Set(['before', note]))
  })

  it('are undone by a rollback, which may come twice', async () => {
    await effect()
    await transaction.rollback()
    await transaction.rollback()
    await expectNothing()
  })

  it('are refused once they have ended', async () => {
    await effect()
    await commit()
    await transaction.rollback()
    expect(await codeOf(effect())).toBe('transaction_lost')
    expect(await codeOf(transaction.client())).toBe('transaction_lost')
    expect(await codeOf(commit())).toBe('transaction_lost')
    expect(await count(bed.database, 'effects')).toBe(1)
  })

  it('do not commit once the lease is lost', async () => {
    await effect()
    await bed.store.settle([settlement(job, { kind: 'returned', delayMs: 0 })])
    expect(await codeOf(commit(newJob()))).toBe('lease_lost')
    await transaction.rollback()
    expect(await count(bed.database, 'effects')).toBe(0)
    expect(await count(bed.database, 'queue_jobs')).toBe(1)
    expect(await bed.store.findJob(job.jobId)).toMatchObject({ status: 'pending' })
  })

  it('do not commit once the job was asked to stop', async () => {
    await effect()
    await bed.database.sql('UPDATE queue_jobs SET cancelrequested = ?', [true])
    expect(await codeOf(commit(newJob()))).toBe('lease_lost')
    expect(await count(bed.database, 'effects')).toBe(0)
    expect(await count(bed.database, 'job_histories')).toBe(0)
  })

  // What the handler itself has committed stands; nothing of ours may stand beside it.
  it.each(['ROLLBACK', 'COMMIT', 'COMMIT AND CHAIN', 'ROLLBACK AND CHAIN', 'COMMIT; BEGIN'])(
    'are found out when the handler has sent %s itself',
    async (statement) => {
      await effect()
      for (const each of statement.split(';')) await transaction.query(each, [])
      expect(await codeOf(commit(newJob(), newJob()))).toBe('transaction_lost')
      await transaction.rollback()
      await bed.database.sql('DELETE FROM effects')
      await expectNothing()
    },
  )

  it('are lost by an SQL error, even where the handler caught it', async ({ skip }) => {
    if (!bed.server.errorsEndTransactions) {
      return skip('an SQL error does not end a transaction of this database')
    }
    await effect()
    await expect(transaction.sql(['SELECT nonsense'], [])).rejects.toThrow(/nonsense/)
    expect(await codeOf(commit(newJob()))).toBe('transaction_lost')
    expect(await codeOf(effect())).toBe('transaction_lost')
    await expectNothing()
  })

  it('go on after an error behind a savepoint', async () => {
    await effect()
    await transaction.query('SAVEPOINT mine', [])
    await expect(transaction.sql(['SELECT nonsense'], [])).rejects.toThrow(/nonsense/)
    await transaction.query('ROLLBACK TO SAVEPOINT mine', [])
    await commit()
    expect(await count(bed.database, 'effects')).toBe(1)
  })

  it('leave nothing when a job that they made cannot be stored', async () => {
    await effect()
    expect(await codeOf(commit(newJob(), newJob({ payload: 'a\0b' })))).toBe('database_data')
    await expectNothing()
  })

  it('leave nothing when a job that they made has an id that is taken', async () => {
    await effect()
    expect(await codeOf(commit(newJob(), newJob({ id: job.jobId })))).toBe('database_constraint')
    await expectNothing()
  })

  it('leave nothing when COMMIT itself is refused', async ({ skip }) => {
    const refused = await bed.database.refusedAtCommit()
    if (refused === undefined) return skip('COMMIT cannot be made to fail on this database')
    await effect()
    await transaction.query(refused, [])
    expect(await codeOf(commit(newJob()))).toBe('database_constraint')
    await expectNothing()
  })

  it('leave nothing when the connection breaks at COMMIT', async ({ skip }) => {
    const breaking = await bed.database.breakingAtCommit()
    if (breaking === undefined) return skip('COMMIT cannot be made to break on this database')
    await effect()
    await transaction.query(breaking, [])
    expect(await codeOf(commit(newJob()))).toBe('database_unavailable')
    await expectNothing()
  })

  it('leave nothing when the connection breaks between two statements', async () => {
    await effect()
    await bed.database.breakConnections()
    await expect(effect()).rejects.toThrow()
    expect(await codeOf(commit(newJob()))).toBe('database_unavailable')
    await transaction.rollback()
    await expectNothing()
  })

  it('leave nothing when the connection breaks in the middle of a statement', async () => {
    await effect()
    const sleeping = transaction.query(bed.database.sleep(30), [])
    const broken = expect(sleeping).rejects.toThrow()
    await expect.poll(() => bed.database.busyConnections()).toBe(1)
    await bed.database.breakConnections()
    await broken
    await transaction.rollback()
    await expectNothing()
  })

  it('end on the server when they are abandoned, whatever runs in them', async () => {
    await effect()
    const sleeping = expect(transaction.query(bed.database.sleep(30), [])).rejects.toThrow()
    await expect.poll(() => bed.database.busyConnections()).toBe(1)
    transaction.abandon()
    transaction.abandon()
    await sleeping
    await expect.poll(() => bed.database.busyConnections(), { timeout: 2_000 }).toBe(0)
    expect(await codeOf(effect())).toBe('transaction_lost')
    await transaction.rollback()
    await expectNothing()
  })

  it('may be abandoned before they have a connection', async () => {
    const early = effect()
    transaction.abandon()
    expect(await codeOf(early)).toBe('transaction_lost')
    bed.store.openTransaction().abandon()
    await bed.store.openTransaction().rollback()
    await expectNothing()
  })
})
