import { describe, expect, it } from 'vitest'
import type { NewJob } from '../../../src/domain/job.ts'
import type { InsertRequest } from '../../../src/ports/store.ts'
import { settled } from '../worker/manual-clock.ts'
import { job, setUp, watch } from './commit-set-up.ts'
import { stored, storeErrors } from './fake-store.ts'

describe('a row that the database refuses', () => {
  /** A database in which `bad` ids are refused, and each INSERT is all or nothing. */
  function database(bad: readonly string[]) {
    const rows = new Set<string>()
    const sent: string[][] = []
    return {
      rows,
      sent,
      answer: ({ jobs }: InsertRequest) => {
        sent.push(jobs.map((each) => each.id))
        if (jobs.some((each) => bad.includes(each.id))) throw storeErrors.data()
        for (const each of jobs) rows.add(each.id)
        return jobs.map(stored)
      },
    }
  }

  it('is found by halving, and is the only one that rejects', async () => {
    const ids = Array.from({ length: 9 }, (_, index) => `row-${index}`)
    const { answer, rows, sent } = database(['row-6'])
    const { commit } = setUp({}, answer)
    const added = await Promise.allSettled(ids.map((id) => commit.add(job(id))))
    expect(added.flatMap((each, index) => (each.status === 'rejected' ? [index] : []))).toEqual([6])
    expect(added[6]).toMatchObject({ reason: { code: 'database_data' } })
    expect([...rows].sort()).toEqual(ids.filter((id) => id !== 'row-6'))
    // By halves: fewer statements than one for each row.
    expect(sent.length).toBeLessThan(9)
    expect(commit.waiting()).toBe(0)
  })

  it('does not spare another bad one beside it', async () => {
    const { answer, rows } = database(['b', 'c'])
    const { commit } = setUp({}, answer)
    const added = await Promise.allSettled(['a', 'b', 'c', 'd'].map((id) => commit.add(job(id))))
    expect(added.map((each) => each.status)).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
      'fulfilled',
    ])
    expect([...rows]).toEqual(['a', 'd'])
  })

  it('does not turn rows that were committed with it into errors', async () => {
    // The INSERT is committed; what asks afterwards which row stands in the way fails.
    const rows = new Set<string>()
    let failures = 1
    const { commit } = setUp({}, ({ jobs, again }) => {
      const taken = jobs.filter((each) => rows.has(each.id))
      for (const each of jobs) rows.add(each.id)
      if (failures > 0) {
        failures -= 1
        throw storeErrors.data()
      }
      if (taken.length > 0 && !again) throw storeErrors.data()
      return jobs.map(stored)
    })
    const added = await Promise.allSettled(['a', 'b', 'c'].map((id) => commit.add(job(id))))
    expect(added.map((each) => each.status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
  })
})

describe('while the database is away', () => {
  it('rows are sent again under their ids, as sent before, until it is back', async () => {
    const { commit, inserts, clock } = setUp()
    const added = watch(commit.add(job('a')))
    await settled()
    expect(commit.healthy()).toBe(true)
    inserts[0]?.fail(storeErrors.away())
    await settled()
    expect(commit.healthy()).toBe(false)
    expect(added.state).toBe('pending')
    await clock.advance(50)
    expect(inserts[1]).toMatchObject({ ids: ['a'], again: true })
    inserts[1]?.commit()
    await settled()
    expect(added).toMatchObject({ state: 'resolved', value: { outcome: 'stored' } })
    expect(commit.healthy()).toBe(true)
  })

  it('rows are refused after the time they may wait, each by its own age', async () => {
    const { commit, clock, inserts } = setUp({ giveUpMs: 2_000 }, () => {
      throw storeErrors.away()
    })
    const first = watch(commit.add(job('a')))
    await clock.advance(1_500)
    expect(first.state).toBe('pending')
    const second = watch(commit.add(job('b')))
    await clock.advance(2_000)
    expect(first).toMatchObject({ state: 'rejected', error: { code: 'database_unavailable' } })
    await clock.advance(3_000)
    expect(second.state).toBe('rejected')
    expect(commit.waiting()).toBe(0)
    const sentSoFar = inserts.length
    await clock.advance(60_000)
    expect(inserts).toHaveLength(sentSoFar)
  })

  it('those behind a row that was refused are refused as well: none overtakes it', async () => {
    let isAway = true
    const order: string[] = []
    const { commit, clock } = setUp({ giveUpMs: 1_000, maxRows: 1 }, ({ jobs }) => {
      if (isAway) throw storeErrors.away()
      order.push(...jobs.map(({ id }) => id))
      return jobs.map(stored)
    })
    const batch = {}
    const added = ['a', 'b'].map((id) => watch(commit.addTogether([job(id)], batch)))
    const other = watch(commit.addTogether([job('other')], {}))
    while (added[0]?.state === 'pending') await clock.advance(50)
    isAway = false
    await clock.advance(5_000)
    expect(added.map(({ state }) => state)).toEqual(['rejected', 'rejected'])
    expect(other.state).not.toBe('pending')
    expect(order).not.toContain('b')
  })

  it('it is not asked more often than once in a while', async () => {
    const { commit, clock, inserts } = setUp({ giveUpMs: 60_000 }, () => {
      throw storeErrors.away()
    })
    commit.add(job('a')).catch(() => undefined)
    await clock.advance(30_000)
    expect(inserts.length).toBeGreaterThan(20)
    expect(inserts.length).toBeLessThan(40)
  })
})

describe('a deadlock', () => {
  it('repeats the whole group', async () => {
    const { commit, inserts, clock } = setUp()
    const added = ['a', 'b'].map((id) => watch(commit.add(job(id))))
    await settled()
    inserts[0]?.fail(storeErrors.deadlock())
    await clock.advance(10)
    expect(inserts.map((insert) => insert.ids)).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ])
    inserts[1]?.commit()
    await settled()
    expect(added.map((each) => each.state)).toEqual(['resolved', 'resolved'])
  })

  it('that comes again and again halves it in the end', async () => {
    const { commit, clock } = setUp({}, ({ jobs }) => {
      if (jobs.some((each) => each.id === 'b')) throw storeErrors.deadlock()
      return jobs.map(stored)
    })
    const added = ['a', 'b'].map((id) => watch(commit.add(job(id))))
    await clock.advance(5_000)
    expect(added.map((each) => each.state)).toEqual(['resolved', 'rejected'])
  })
})

describe('a key that somebody holds', () => {
  /** Rows of one delivery: those of the ordering key `k`, and one of another. */
  const delivery = (): NewJob[] =>
    ['a', 'b', 'c', 'd', 'e'].map((id) =>
      job(id, { dedupeKey: id, orderingKey: id === 'c' ? 'other' : 'k' }),
    )

  function hold(...ids: readonly string[]) {
    const [held, order] = [new Set(ids), [] as string[]]
    const made = setUp({ giveUpMs: 2_000, maxRows: 4 }, ({ jobs: rows }) => {
      if (rows.some(({ id }) => held.has(id))) throw storeErrors.locked()
      order.push(...rows.map(({ id }) => id))
      return rows.map(stored)
    })
    const batch = {}
    const added = delivery().map((each) => watch(made.commit.addTogether([each], batch)))
    return { ...made, held, order, added }
  }

  it('holds up those behind it in its order, and no others', async () => {
    const { clock, held, order, added, commit } = hold('b')
    const other = watch(commit.add(job('x', { dedupeKey: 'x' })))
    await clock.advance(600)
    // The fifth of them found no room in the first group.
    expect(order.toSorted()).toEqual(['a', 'c', 'x'])
    expect(other.state).toBe('resolved')
    held.clear()
    await clock.advance(600)
    expect(order.filter((id) => id !== 'x' && id !== 'c')).toEqual(['a', 'b', 'd', 'e'])
    expect(added.every(({ state }) => state === 'resolved')).toBe(true)
    expect(commit.waiting()).toBe(0)
  })

  it('has those behind it refused as well when it is given up: all of them are offered again', async () => {
    const { clock, order, added, commit } = hold('b')
    await clock.advance(5_000)
    expect(added.map(({ state }) => state)).toEqual([
      ...['resolved', 'rejected', 'resolved', 'rejected', 'rejected'],
    ])
    expect(order).toEqual(['a', 'c'])
    const closed = watch(commit.close())
    await clock.advance(1_000)
    expect(closed.state).toBe('resolved')
    expect(commit.waiting()).toBe(0)
  })

  it('is tried once more at the end, and so is what it kept waiting', async () => {
    const { commit, inserts } = setUp({ maxRows: 1 })
    const batch = {}
    const added = ['a', 'b'].map((id) =>
      watch(commit.addTogether([job(id, { dedupeKey: id, orderingKey: id })], batch)),
    )
    await settled()
    const closed = watch(commit.close())
    // Each goes in a group, and then by itself.
    for (const [index, id] of ['a', 'a', 'b'].entries()) {
      expect(inserts[index]?.ids).toEqual([id])
      inserts[index]?.fail(storeErrors.locked())
      await settled()
    }
    expect(inserts[3]?.ids).toEqual(['b'])
    expect(closed.state).toBe('pending')
    inserts[3]?.commit()
    await settled()
    expect(closed.state).toBe('resolved')
    expect(added.map(({ state }) => state)).toEqual(['rejected', 'resolved'])
  })

  it('of the whole table has those behind it in its batch refused as well', async () => {
    const { commit, clock } = setUp({ maxRows: 1 }, ({ jobs }) => {
      if (jobs.some(({ id }) => id === 'a')) throw storeErrors.locked()
      return jobs.map(stored)
    })
    const batch = {}
    const added = ['a', 'b'].map((id) => watch(commit.addTogether([job(id)], batch)))
    await clock.advance(1_000)
    expect(added.map(({ state }) => state)).toEqual(['rejected', 'rejected'])
  })
})
