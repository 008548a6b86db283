import mysql, { type Connection, type PoolConnection } from 'mysql2/promise'
import { beforeEach, expect, it } from 'vitest'
import type { HandlerTransaction } from '../../../src/ports/store.ts'
import { CLAIM, claimNew, codeOf, count, insert, newJob, newJobs, settlement } from './jobs.ts'
import { storeSuite } from './store-suite.ts'

/** What only MySQL and MariaDB do. */
export const mysqlRulesSuite = storeSuite('rules of MySQL', (bed) => {
  async function connect(): Promise<Connection> {
    return await mysql.createConnection({ uri: bed.database.url, timezone: 'Z' })
  }

  beforeEach(async () => {
    await bed.database.sql('CREATE TABLE IF NOT EXISTS effects (note varchar(100)) ENGINE=InnoDB')
    await bed.database.sql('DELETE FROM effects')
  })

  it('a transaction that DDL has committed without a word is found out', async () => {
    const job = await claimNew(bed.store)
    const transaction = bed.store.openTransaction()
    await transaction.query(`INSERT INTO effects VALUES ('stands')`, [])
    await transaction.query('CREATE TABLE IF NOT EXISTS made (id integer)', [])
    expect(
      await codeOf(transaction.commit({ settlement: settlement(job), jobs: [newJob()] })),
    ).toBe('transaction_lost')
    expect(await count(bed.database, 'queue_jobs')).toBe(1)
    expect(await count(bed.database, 'job_histories')).toBe(0)
    expect(await bed.store.settle([settlement(job)])).toHaveLength(1)
  })

  it('a rehearsal says that DDL, and a table without transactions, may have left something', async () => {
    const committed = bed.store.openTransaction({ watched: true })
    await committed.query('CREATE TABLE IF NOT EXISTS made (id integer)', [])
    expect(await committed.rehearse({ jobs: [] })).toMatchObject({
      failure: { code: 'transaction_lost' },
      mayHaveStayed: true,
    })
    await bed.database.sql('CREATE TABLE IF NOT EXISTS plain (id integer) ENGINE=MyISAM')
    const stays = bed.store.openTransaction({ watched: true })
    await stays.query('INSERT INTO plain VALUES (1)', [])
    expect(await stays.rehearse({ jobs: [] })).toMatchObject({
      failure: undefined,
      mayHaveStayed: true,
    })
  })

  it('a rehearsal counts what upserts and replacements did, and says where it cannot', async () => {
    await bed.database.sql('CREATE TABLE IF NOT EXISTS counted (id integer PRIMARY KEY, n integer)')
    const touched = async (...statements: readonly string[]): Promise<unknown> => {
      const watched = bed.store.openTransaction({ watched: true })
      for (const statement of statements) await watched.query(statement, [])
      return (await watched.rehearse({ jobs: [] })).touched
    }
    const upsert = (rows: string): string =>
      `/* mine */ INSERT INTO \`counted\` VALUES ${rows} ON DUPLICATE KEY UPDATE n = n + 1`
    expect(
      await touched(upsert('(1, 1), (2, 1)'), upsert('(2, 1), (3, 1)'), upsert('(3, 1)')),
    ).toEqual({
      tables: [{ table: 'counted', inserted: 3, updated: 2, deleted: 0 }],
      complete: true,
    })
    expect(
      await touched('INSERT INTO counted VALUES (1, 1)', 'REPLACE INTO counted VALUES (1, 2)'),
    ).toEqual({
      tables: [{ table: 'counted', inserted: 2, updated: 0, deleted: 1 }],
      complete: true,
    })
    const lent = bed.store.openTransaction({ watched: true })
    await lent.client()
    expect((await lent.rehearse({ jobs: [] })).touched).toEqual({ tables: [], complete: false })
  })

  it('a handler that has switched autocommit on does not commit by halves', async () => {
    const job = await claimNew(bed.store)
    const transaction = bed.store.openTransaction()
    await transaction.query('SET autocommit = 1', [])
    expect(
      await codeOf(transaction.commit({ settlement: settlement(job), jobs: [newJob()] })),
    ).toBe('transaction_lost')
    expect(await count(bed.database, 'queue_jobs')).toBe(1)
    const next = bed.store.openTransaction()
    await next.query(`INSERT INTO effects VALUES ('undone')`, [])
    await next.rollback()
    expect(await count(bed.database, 'effects')).toBe(0)
  })

  it('settings of a handler do not reach the end of its job, nor the next handler', async () => {
    const store = bed.database.openStore({ handlerConnections: 1 })
    try {
      const job = await claimNew(store)
      const transaction = store.openTransaction()
      await transaction.query(
        `SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES', time_zone = '+05:00', character_set_client = latin1`,
        [],
      )
      const child = newJob({ payload: `it's "é" \\ 😀` })
      await transaction.commit({ settlement: settlement(job), jobs: [child] })
      expect(await store.findJob(child.id)).toMatchObject({ payload: child.payload })
      const next = store.openTransaction()
      expect(await next.query('SELECT @@time_zone AS zone, @@sql_mode AS mode', [])).toMatchObject([
        { zone: '+00:00', mode: expect.stringContaining('STRICT_TRANS_TABLES') as string },
      ])
      await next.rollback()
    } finally {
      await store.close()
    }
  })

  it('after a deadlock every further call throws, and nothing of the job stands', async () => {
    await bed.database.sql('CREATE TABLE IF NOT EXISTS pair (id integer PRIMARY KEY, n integer)')
    await bed.database.sql('REPLACE INTO pair VALUES (1, 0), (2, 0)')
    const jobs = [await claimNew(bed.store), await claimNew(bed.store)]
    const [one, two] = [bed.store.openTransaction(), bed.store.openTransaction()]
    const raise = (held: HandlerTransaction, id: number): Promise<unknown> =>
      held.query('UPDATE pair SET n = n + 1 WHERE id = ?', [id])
    await raise(one, 1)
    await raise(two, 2)
    const both = await Promise.allSettled([raise(one, 2), raise(two, 1)])
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const loser = both[0].status === 'rejected' ? 0 : 1
    const [lost, kept] = loser === 0 ? [one, two] : [two, one]
    expect(await codeOf(lost.query('SELECT 1', []))).toBe('transaction_lost')
    expect(await codeOf(lost.client())).toBe('transaction_lost')
    expect(
      await codeOf(lost.commit({ settlement: settlement(jobs[loser]!), jobs: [newJob()] })),
    ).toBe('transaction_lost')
    await lost.rollback()
    await kept.commit({ settlement: settlement(jobs[1 - loser]!), jobs: [] })
    expect(await bed.database.sql('SELECT n FROM pair')).toEqual([{ n: 1 }, { n: 1 }])
    expect(await count(bed.database, 'queue_jobs')).toBe(2)
    expect(await bed.store.settled(jobs)).toHaveLength(1)
  })

  it('a deadlock on the connection itself, unseen by us, is found out as well', async () => {
    await bed.database.sql('CREATE TABLE IF NOT EXISTS pair (id integer PRIMARY KEY, n integer)')
    await bed.database.sql('REPLACE INTO pair VALUES (1, 0), (2, 0)')
    const job = await claimNew(bed.store)
    const transaction = bed.store.openTransaction()
    const client = (await transaction.client()) as PoolConnection
    const other = await connect()
    try {
      await other.query('START TRANSACTION')
      // Much to undo makes a transaction the one that is kept.
      await other.query(`INSERT INTO effects SELECT 'x' FROM information_schema.collations`)
      await other.query('UPDATE pair SET n = n + 1 WHERE id = 2')
      await client.query('UPDATE pair SET n = n + 1 WHERE id = 1')
      const waiting = client.query('UPDATE pair SET n = n + 1 WHERE id = 2').catch(() => undefined)
      await other.query('UPDATE pair SET n = n + 1 WHERE id = 1')
      await waiting
      await other.query('COMMIT')
    } finally {
      await other.end()
    }
    await client.query(`INSERT INTO effects VALUES ('after the deadlock')`)
    expect(await codeOf(transaction.commit({ settlement: settlement(job), jobs: [] }))).toBe(
      'transaction_lost',
    )
    expect(await count(bed.database, 'effects', `note = 'after the deadlock'`)).toBe(0)
  })

  it('many at once that meet in other orders all end what is theirs', async () => {
    await insert(bed.store, ...newJobs(300))
    const claimed = await bed.store.claim({ ...CLAIM, limit: 300 })
    const orders = [claimed, claimed.toReversed(), claimed.toSorted(() => Math.random() - 0.5)]
    const ended = await Promise.all(
      orders.map((order) => bed.store.settle(order.map((key) => settlement(key)))),
    )
    expect(ended.flat()).toHaveLength(300)
    expect(await count(bed.database, 'job_histories')).toBe(300)
  })

  it('rows locked by somebody for longer than a second are said to be locked', async () => {
    const claimed = await claimNew(bed.store)
    const lock = await bed.database.lockRow(claimed.jobId)
    try {
      expect(await codeOf(bed.store.settle([settlement(claimed)]))).toBe('database_locked')
    } finally {
      await lock.release()
    }
    expect(await bed.store.settle([settlement(claimed)])).toHaveLength(1)
  })

  it('more than a packet goes in by several, together or not at all', async () => {
    const payload = 'x'.repeat(3_000_000)
    const jobs = newJobs(12, { payload })
    expect(new Set(await insert(bed.store, ...jobs))).toEqual(new Set(['stored']))
    const taken = [...newJobs(11, { payload }), newJob({ id: jobs[0]!.id })]
    expect(await codeOf(insert(bed.store, ...taken))).toBe('database_constraint')
    expect(await count(bed.database, 'queue_jobs')).toBe(12)
    const claimed = await bed.store.claim(CLAIM)
    const results = claimed.map((key) =>
      settlement(key, { kind: 'completed', result: payload }, { inputData: payload }),
    )
    expect(await bed.store.settle(results)).toHaveLength(12)
    expect(await count(bed.database, 'job_histories', 'LENGTH(result) = 3000000')).toBe(12)
  })

  it('a message larger than a packet is refused before it is sent', async () => {
    const [row] = await bed.database.sql('SELECT @@max_allowed_packet AS bytes')
    const payload = 'x'.repeat(Number(row?.['bytes']))
    expect(await codeOf(insert(bed.store, newJob({ payload })))).toBe('payload_too_large')
    expect(await insert(bed.store, newJob())).toEqual(['stored'])
  })

  it('sessions of the store are strict, in UTC and read what is committed', async () => {
    const transaction = bed.store.openTransaction()
    const [row] = await transaction.query(
      `SELECT @@time_zone AS zone, @@sql_mode AS mode, @@autocommit AS autocommit,
        /*M! @@tx_isolation */ /*!80000 @@transaction_isolation */ AS isolation`,
      [],
    )
    await transaction.rollback()
    expect(row).toMatchObject({ zone: '+00:00', isolation: 'READ-COMMITTED' })
    expect(Number(row?.['autocommit'])).toBe(0)
    expect(row?.['mode']).toContain('STRICT_TRANS_TABLES')
  })

  it('a lock on the whole table, for which its holder could not renew, takes no job from him', async () => {
    const job = await claimNew(bed.store)
    await bed.database.sql(
      'UPDATE queue_jobs SET leaseexpiresat = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE id = ?',
      [job.jobId],
    )
    const person = await connect()
    try {
      await person.query('LOCK TABLES queue_jobs READ')
      const look = codeOf(
        bed.store.recoverExpired({
          limit: 10,
          executedBy: 'other',
          decide: () => ({ kind: 'returned', delayMs: 0 }),
        }),
      )
      // Longer than it may wait, and not so long that the wait itself fails: it is let in, and must not go on.
      await new Promise((resolve) => setTimeout(resolve, 1_500))
      await person.query('UNLOCK TABLES')
      expect(await look).toBe('database_locked')
    } finally {
      await person.end()
    }
    const [row] = await bed.database.sql('SELECT statusid, leaseepoch FROM queue_jobs')
    expect(row).toEqual({ statusid: 2, leaseepoch: job.epoch })
  })

  it('a time that a person gave a running job does not hide it once it is given back', async () => {
    const job = await claimNew(bed.store)
    await bed.database.sql(
      'UPDATE queue_jobs SET scheduledat = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR WHERE id = ?',
      [job.jobId],
    )
    await bed.store.settle([settlement(job, { kind: 'returned', delayMs: 0 })])
    expect(await bed.store.claim(CLAIM)).toHaveLength(1)
  })

  it('jobs with an ordering key are in their indexes as they are, after an UPDATE of two tables too', async () => {
    for (const id of ['1', '2', '3']) await insert(bed.store, newJob({ id, orderingKey: 'k' }))
    await bed.database.sql(
      `UPDATE queue_jobs j JOIN (SELECT '1' AS id UNION SELECT '2') i ON i.id = j.id
       SET j.statusid = 0`,
    )
    expect(await count(bed.database, 'queue_jobs', 'statusid = 1')).toBe(3)
    await bed.store.giveTurns([{ tenantId: null, orderingKey: 'k' }])
    await bed.database.sql(
      `UPDATE queue_jobs j JOIN (SELECT '1' AS id) i ON i.id = j.id SET j.cancelrequested = true`,
    )
    expect(await bed.store.giveTurns([{ tenantId: null, orderingKey: 'k' }])).toMatchObject({
      count: 1,
    })
    const [row] = await bed.database.sql('CHECK TABLE queue_jobs EXTENDED')
    expect(row?.['Msg_text']).toBe('OK')
  })
})
