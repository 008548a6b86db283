import { expect, it } from 'vitest'
import type { NewJob } from '../../../src/domain/job.ts'
import type { DeadLetterFilter } from '../../../src/ports/dead-letters.ts'
import { claimNew, insert, newJob, newJobs, settlement } from './jobs.ts'
import { storeSuite } from './store-suite.ts'

const dead = (columns: Partial<NewJob> = {}): NewJob =>
  newJob({
    type: 'integration',
    direction: 'inbound',
    protocol: 'mqtt',
    metadata: { subscription: 'temps' },
    dead: { reason: 'invalid', error: 'no number' },
    ...columns,
  })

export const deadLettersSuite = storeSuite('dead letters', (bed) => {
  async function find(filter: DeadLetterFilter = {}, order: 'latest' | 'oldest' = 'latest') {
    const { rows } = await bed.store.deadLetters.find({ filter, order, after: null, limit: 100 })
    return rows.map(({ id }) => id)
  }

  it('are messages that could not be stored, and jobs that failed for good; nothing else is', async () => {
    const message = dead()
    const failed = await claimNew(bed.store, { tenantId: 't' })
    await insert(bed.store, message, newJob({ handler: 'waiting' }))
    const ending = { kind: 'failed', error: 'broken', deadReason: 'permanent' } as const
    await bed.store.settle([settlement(failed, ending)])
    const done = await claimNew(bed.store, { queue: 'other' })
    await bed.store.settle([settlement(done)])
    await bed.database.sql("UPDATE queue_jobs SET statusid = 4 WHERE handler = 'waiting'")
    const found = await bed.store.deadLetters.find({
      filter: {},
      order: 'latest',
      after: null,
      limit: 9,
    })
    expect(found.next).toBeNull()
    expect(found.rows).toMatchObject([
      {
        id: message.id,
        subscription: 'temps',
        protocol: 'mqtt',
        direction: 'inbound',
        deadReason: 'invalid',
        error: 'no number',
        startedAt: null,
      },
      {
        id: failed.jobId,
        subscription: null,
        deadReason: 'permanent',
        tenantId: 't',
        retryCount: 0,
      },
    ])
    expect(found.rows[1]?.startedAt).toBeInstanceOf(Date)
    for (const { diedAt } of found.rows) expect(diedAt).toBeInstanceOf(Date)
    await bed.database.sql('UPDATE queue_jobs SET active = false WHERE id = ?', [message.id])
    expect(await find()).toEqual([failed.jobId])
  })

  it('are found by what is asked for, byte by byte', async () => {
    const one = dead({ handler: 'a', tenantId: 'x', protocol: 'http' })
    const two = dead({ handler: 'b', metadata: { subscription: 'Temps' } })
    const three = dead({ dead: { reason: 'schema_invalid', error: '' }, metadata: {} })
    await insert(bed.store, one, two, three)
    await bed.database.sql("UPDATE queue_jobs SET createdon = '2020-05-01 12:00:00' WHERE id = ?", [
      two.id,
    ])
    expect(await find({ handler: 'a' })).toEqual([one.id])
    expect(await find({ tenantId: 'x' })).toEqual([one.id])
    expect(await find({ protocol: 'http' })).toEqual([one.id])
    expect(await find({ subscription: 'Temps' })).toEqual([two.id])
    expect(await find({ subscription: 'temps' })).toEqual([one.id])
    expect(await find({ deadReason: 'schema_invalid' })).toEqual([three.id])
    expect(await find({ to: new Date('2020-05-01T12:00:00Z') })).toEqual([])
    expect(await find({ to: new Date('2020-05-01T12:00:01Z') })).toEqual([two.id])
    expect(await find({ from: new Date('2020-05-01T12:00:00Z'), handler: 'b' })).toEqual([two.id])
    expect(await find({ from: new Date('2020-05-01T12:00:01Z') })).toEqual([three.id, one.id])
    expect(await find({ handler: "'; DROP TABLE queue_jobs; --" })).toEqual([])
  })

  it('are walked in both orders, step by step, each once', async () => {
    const rows = Array.from({ length: 25 }, () => dead())
    for (const row of rows) await insert(bed.store, row, ...newJobs(2))
    const ids = rows.map(({ id }) => id)
    for (const order of ['oldest', 'latest'] as const) {
      const seen: string[] = []
      let after: string | null = null
      do {
        const page = await bed.store.deadLetters.find({ filter: {}, order, after, limit: 7 })
        seen.push(...page.rows.map(({ id }) => id))
        after = page.next
      } while (after !== null)
      expect(seen).toEqual(order === 'oldest' ? ids : ids.toReversed())
    }
    const behind = await bed.store.deadLetters.find({
      filter: {},
      order: 'oldest',
      after: '999999999999999999',
      limit: 7,
    })
    expect(behind).toMatchObject({ rows: [], next: null })
  })

  it('are none in an empty table', async () => {
    const found = await bed.store.deadLetters.find({
      filter: {},
      order: 'oldest',
      after: null,
      limit: 1,
    })
    expect(found).toEqual({ rows: [], next: null, last: null })
  })

  it('have their replays by inbox key', async () => {
    const replayed = newJob({ dedupeKey: '>replay:a' })
    await insert(bed.store, replayed)
    const found = await bed.store.deadLetters.jobsByKey(['>replay:a', '>replay:A', '>replay:b'])
    expect([...found]).toEqual([['>replay:a', replayed.id]])
    expect((await bed.store.deadLetters.jobsByKey([])).size).toBe(0)
  })
})
