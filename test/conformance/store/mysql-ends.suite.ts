import { beforeEach, expect, it } from 'vitest'
import type { ClaimedJob, Ending, Settlement } from '../../../src/ports/store.ts'
import { CLAIM, claimNew, codeOf, count, insert, newJobs, rowOf, settlement } from './jobs.ts'
import { storeSuite } from './store-suite.ts'

/** How the ends of executions are written on MySQL and MariaDB: by one statement, one block, or a look before. */
export const mysqlEndsSuite = storeSuite('ends on MySQL', (bed) => {
  beforeEach(async () => {
    await bed.database.sql('CREATE TABLE IF NOT EXISTS effects (note varchar(100)) ENGINE=InnoDB')
    await bed.database.sql('DELETE FROM effects')
  })

  async function claimMany(number: number): Promise<readonly ClaimedJob[]> {
    await insert(bed.store, ...newJobs(number))
    return await bed.store.claim({ ...CLAIM, limit: number })
  }

  /** Its own result and time, so that no two ends are alike. */
  function own(job: ClaimedJob, index: number): Settlement {
    const result = JSON.stringify({ of: job.jobId })
    return settlement(job, { kind: 'completed', result }, { durationMs: 1_000 + index })
  }

  it('each job of a group has its own result and its own time, in whatever order they come', async () => {
    const claimed = await claimMany(100)
    // Gaps between the rows, and epochs of their own.
    const back = claimed.filter((_, index) => index % 3 === 0)
    await bed.store.settle(back.map((job) => settlement(job, { kind: 'returned', delayMs: 0 })))
    const again = await bed.store.claim({ ...CLAIM, limit: 100 })
    const held = [...again, ...claimed.filter((job) => !back.includes(job))]
    const ends = held.map(own).sort((a, b) => (a.jobId.slice(-4) < b.jobId.slice(-4) ? -1 : 1))
    expect(await bed.store.settle(ends)).toHaveLength(100)
    for (const { jobId, durationMs } of ends) {
      const result = JSON.stringify({ of: jobId })
      const job = await bed.store.findJob(jobId)
      expect(job).toMatchObject({ status: 'completed', result })
      const tookMs = job!.completedAt!.getTime() - job!.startedAt!.getTime()
      expect(Math.abs(tookMs - durationMs!)).toBeLessThanOrEqual(1)
      expect((await bed.store.listExecutions(jobId))?.at(-1)).toMatchObject({ result, durationMs })
    }
  })

  it.each([
    ['has another epoch', 'leaseepoch = leaseepoch + 1'],
    ['was asked to stop', 'cancelrequested = true'],
    ['has ended', 'statusid = 6'],
  ])('a job of a group that %s is left as it is, and the others end', async (_, change) => {
    const claimed = await claimMany(5)
    const lost = claimed[2]!
    await bed.database.sql(`UPDATE queue_jobs SET ${change} WHERE id = ?`, [lost.jobId])
    const before = await rowOf(bed.database, lost.jobId)
    expect(await bed.store.settle(claimed.map(own))).toHaveLength(4)
    expect(await rowOf(bed.database, lost.jobId)).toEqual(before)
    expect(await count(bed.database, 'queue_jobs', 'statusid = 3')).toBe(4)
    expect(await count(bed.database, 'job_histories')).toBe(4)
  })

  it('completions and other ends of one group commit together', async () => {
    const claimed = await claimMany(4)
    const failed: Ending = { kind: 'failed', error: 'e', deadReason: 'd' }
    const ends = claimed.map((job, index) =>
      index % 2 === 0 ? own(job, index) : settlement(job, failed),
    )
    expect(await bed.store.settle(ends)).toHaveLength(4)
    expect(await count(bed.database, 'job_histories', 'statusid = 3')).toBe(2)
    expect(await count(bed.database, 'job_histories', 'statusid = 4')).toBe(2)
  })

  it.each([true, false])('results keep every character, the row known: %s', async (known) => {
    const result = JSON.stringify({ text: `\u0001\n\t"'\\ é😀 \u2028 %_ ?`, deep: [`\\"`] })
    const { jobId, epoch, ...claimed } = await claimNew(bed.store)
    const key = known ? { jobId, epoch, seq: claimed.seq } : { jobId, epoch }
    await bed.store.settle([settlement(key, { kind: 'completed', result })])
    expect(await bed.store.findJob(jobId)).toMatchObject({ result })
    expect(await bed.store.listExecutions(jobId)).toMatchObject([{ result }])
  })

  it('a result of more than half a packet ends a handler’s transaction', async () => {
    const [row] = await bed.database.sql('SELECT @@max_allowed_packet AS bytes')
    const result = JSON.stringify('é'.repeat(Number(row?.['bytes']) * 0.3))
    const job = await claimNew(bed.store)
    const transaction = bed.store.openTransaction()
    await transaction.query(`INSERT INTO effects VALUES ('done')`, [])
    const end = settlement(job, { kind: 'completed', result })
    await transaction.commit({ settlement: end, jobs: [] })
    expect(await bed.store.findJob(job.jobId)).toMatchObject({ status: 'completed', result })
    expect(await count(bed.database, 'effects')).toBe(1)
  })

  it.each([
    ['lease_lost', 'its epoch is another', 'UPDATE queue_jobs SET leaseepoch = leaseepoch + 1'],
    ['lease_lost', 'it was asked to stop', 'UPDATE queue_jobs SET cancelrequested = true'],
  ])('%s where a handler left nothing but its own changes, and %s', async (code, _, change) => {
    const job = await claimNew(bed.store)
    const transaction = bed.store.openTransaction()
    await transaction.query(`INSERT INTO effects VALUES ('not to stay')`, [])
    await bed.database.sql(change)
    const ending = transaction.commit({ settlement: settlement(job), jobs: [] })
    expect(await codeOf(ending)).toBe(code)
    expect(await count(bed.database, 'effects')).toBe(0)
    expect(await count(bed.database, 'job_histories')).toBe(0)
  })

  it.each(['COMMIT', 'ROLLBACK', 'CREATE TABLE IF NOT EXISTS made (id integer)'])(
    'a transaction with nothing but its own changes that %s has ended is found out',
    async (statement) => {
      const job = await claimNew(bed.store)
      const transaction = bed.store.openTransaction()
      await transaction.query(`INSERT INTO effects VALUES ('stands')`, [])
      await transaction.query(statement, [])
      const ending = transaction.commit({ settlement: settlement(job), jobs: [] })
      expect(await codeOf(ending)).toBe('transaction_lost')
      expect(await count(bed.database, 'job_histories')).toBe(0)
      expect(await bed.store.settle([settlement(job)])).toHaveLength(1)
    },
  )

  it.each([
    `SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES', character_set_client = latin1`,
    'SELECT changing()',
    'INSERT INTO effects VALUES (changing())',
  ])(
    'a session that %s has changed is ours again at the end, and for the next',
    async (statement) => {
      await bed.database.sql('DROP FUNCTION IF EXISTS changing')
      await bed.database.sql(`CREATE FUNCTION changing() RETURNS integer NOT DETERMINISTIC NO SQL
      BEGIN SET SESSION time_zone = '+05:00', character_set_client = latin1; RETURN 1; END`)
      const store = bed.database.openStore({ handlerConnections: 1 })
      try {
        const job = await claimNew(store)
        const transaction = store.openTransaction()
        await transaction.query(statement, [])
        const result = `it's "é" \\ 😀`
        const end = settlement(job, { kind: 'completed', result })
        await transaction.commit({ settlement: end, jobs: [] })
        expect(await store.findJob(job.jobId)).toMatchObject({ result })
        const next = store.openTransaction()
        const [row] = await next.query('SELECT @@sql_mode AS mode, @@time_zone AS zone', [])
        expect(row?.['mode']).toContain('STRICT_TRANS_TABLES')
        expect(row?.['mode']).not.toContain('ANSI_QUOTES')
        expect(row?.['zone']).toBe('+00:00')
        await next.rollback()
      } finally {
        await store.close()
      }
    },
  )
})
