import { afterEach, beforeEach, expect, it } from 'vitest'
import type { HandlerTransaction } from '../../../src/ports/store.ts'
import { count, newJob } from './jobs.ts'
import { storeSuite } from './store-suite.ts'

export const rehearsalSuite = storeSuite('rehearsed transactions', (bed) => {
  let transaction: HandlerTransaction

  beforeEach(async () => {
    await bed.database.sql('CREATE TABLE IF NOT EXISTS effects (note varchar(100))')
    await bed.database.sql('DELETE FROM effects')
    transaction = bed.store.openTransaction({ watched: true })
  })

  afterEach(() => transaction.rollback())

  function effect(note = 'done'): Promise<unknown> {
    return transaction.sql(['INSERT INTO effects (note) VALUES (', ')'], [note])
  }

  async function expectNothing(): Promise<void> {
    expect(await count(bed.database, 'effects')).toBe(0)
    expect(await count(bed.database, 'queue_jobs')).toBe(0)
  }

  it('say what was touched, and leave nothing', async () => {
    await transaction.sql(['INSERT INTO effects (note) VALUES (', '), (', ')'], ['a', 'b'])
    await transaction.query("UPDATE effects SET note = 'c' WHERE note = 'a'", [])
    await transaction.sql(['DELETE FROM effects WHERE note = ', ''], ['b'])
    expect(await transaction.rehearse({ jobs: [newJob(), newJob()] })).toEqual({
      failure: undefined,
      mayHaveStayed: false,
      touched: {
        tables: [{ table: 'effects', inserted: 2, updated: 1, deleted: 1 }],
        complete: true,
      },
    })
    await expectNothing()
  })

  it('count their own rows alone, also right behind others on the same connection', async () => {
    for (const rows of [1, 2, 3]) {
      const next = bed.store.openTransaction({ watched: true })
      for (let row = 0; row < rows; row += 1) {
        await next.sql(['INSERT INTO effects (note) VALUES (', ')'], [`${row}`])
      }
      const { touched } = await next.rehearse({ jobs: [] })
      expect(touched?.tables).toEqual([
        { table: 'effects', inserted: rows, updated: 0, deleted: 0 },
      ])
    }
    await expectNothing()
  })

  it('begin nothing where nothing was done', async () => {
    expect(await transaction.rehearse({ jobs: [] })).toEqual({
      failure: undefined,
      mayHaveStayed: false,
      touched: { tables: [], complete: true },
    })
    expect(transaction.begun).toBe(false)
  })

  it('refuse the jobs that a commit would refuse', async () => {
    await effect()
    const { failure, mayHaveStayed } = await transaction.rehearse({
      jobs: [newJob({ payload: 'a\0b' })],
    })
    expect(failure?.code).toBe('database_data')
    expect(mayHaveStayed).toBe(false)
    await expectNothing()
  })

  it('fail where only COMMIT would be refused', async ({ skip }) => {
    const refused = await bed.database.refusedAtCommit()
    if (refused === undefined) return skip('COMMIT cannot be made to fail on this database')
    await effect()
    await transaction.query(refused, [])
    const { failure } = await transaction.rehearse({ jobs: [] })
    expect(failure?.code).toBe('database_constraint')
    await expectNothing()
  })

  it.each(['COMMIT', 'COMMIT AND CHAIN', 'COMMIT; BEGIN'])(
    'say that something may stand where the handler has sent %s itself',
    async (statement) => {
      await effect('stays')
      for (const each of statement.split(';')) await transaction.query(each, [])
      const rehearsal = await transaction.rehearse({ jobs: [newJob()] })
      expect(rehearsal).toMatchObject({
        failure: { code: 'transaction_lost' },
        mayHaveStayed: true,
        touched: undefined,
      })
      // That it stays is the handler's doing; nothing of ours stands beside it.
      expect(await count(bed.database, 'effects')).toBe(1)
      expect(await count(bed.database, 'queue_jobs')).toBe(0)
    },
  )

  it('are lost by an SQL error that the handler caught, and leave nothing', async ({ skip }) => {
    if (!bed.server.errorsEndTransactions) {
      return skip('an SQL error does not end a transaction of this database')
    }
    await effect()
    await expect(transaction.sql(['SELECT nonsense'], [])).rejects.toThrow(/nonsense/)
    expect(await transaction.rehearse({ jobs: [] })).toMatchObject({
      failure: { code: 'transaction_lost' },
      mayHaveStayed: false,
      touched: undefined,
    })
    await expectNothing()
  })

  it('cannot be used any more', async () => {
    await effect()
    await transaction.rehearse({ jobs: [] })
    await expect(effect()).rejects.toMatchObject({ code: 'transaction_lost' })
    await expect(transaction.rehearse({ jobs: [] })).rejects.toMatchObject({
      code: 'transaction_lost',
    })
    await transaction.rollback()
  })
})
