import { describe, expect, it } from 'vitest'
import { settled } from '../worker/manual-clock.ts'
import { job, setUp, watch } from './commit-set-up.ts'
import { stored, storeErrors } from './fake-store.ts'

describe('a row', () => {
  it('that comes alone waits for nobody, and is acknowledged after its commit', async () => {
    const { commit, inserts, clock } = setUp()
    const added = watch(commit.add(job('a')))
    await settled()
    expect(inserts.map((insert) => insert.ids)).toEqual([['a']])
    expect(inserts[0]?.again).toBe(false)
    expect(clock.pending()).toBe(0)
    expect(added.state).toBe('pending')
    expect(commit.waiting()).toBe(1)
    inserts[0]?.commit()
    await settled()
    expect(added).toMatchObject({ state: 'resolved', value: { outcome: 'stored', jobId: 'a' } })
    expect(commit.waiting()).toBe(0)
  })

  it('is told when it was a duplicate, and of which', async () => {
    const { commit, inserts, wakeUps } = setUp()
    const added = commit.add(job('a'))
    await settled()
    inserts[0]?.commit([{ outcome: 'duplicate', jobId: 'earlier' }])
    expect(await added).toEqual({ outcome: 'duplicate', jobId: 'earlier' })
    expect(wakeUps.woken).toEqual([])
  })

  it('that is too large is refused and never sent', async () => {
    const { commit, inserts } = setUp({ maxRowBytes: 1_000 })
    await expect(commit.add(job('a', { payload: 'ü'.repeat(400) }))).rejects.toMatchObject({
      code: 'payload_too_large',
    })
    await settled()
    expect(inserts).toEqual([])
  })
})

describe('rows that come while an insert is under way', () => {
  it('gather, and go together, in order', async () => {
    const { commit, inserts } = setUp()
    const order: string[] = []
    for (const id of ['a', 'b', 'c', 'd']) {
      void commit.add(job(id)).then(() => order.push(id))
      if (id === 'a') await settled()
    }
    await settled()
    expect(inserts.map((insert) => insert.ids)).toEqual([['a']])
    inserts[0]?.commit()
    await settled()
    expect(inserts.map((insert) => insert.ids)).toEqual([['a'], ['b', 'c', 'd']])
    expect(order).toEqual(['a'])
    inserts[1]?.commit()
    await settled()
    expect(order).toEqual(['a', 'b', 'c', 'd'])
  })

  it('go in groups of so many rows, and of so many bytes; a larger row goes alone', async () => {
    const sent: string[][] = []
    const { commit } = setUp({ maxRows: 3, maxBytes: 2_000 }, ({ jobs }) => {
      sent.push(jobs.map((each) => each.id))
      return jobs.map(stored)
    })
    const small = ['a', 'b', 'c', 'd'].map((id) => commit.add(job(id)))
    const large = commit.add(job('large', { payload: 'x'.repeat(3_000) }))
    const wide = ['e', 'f'].map((id) => commit.add(job(id, { metadata: { x: 'x'.repeat(900) } })))
    await Promise.all([...small, large, ...wide])
    expect(sent).toEqual([['a', 'b', 'c'], ['d'], ['large'], ['e'], ['f']])
  })

  it('go beside it where they fill a group, two INSERTs at most', async () => {
    const { commit, inserts } = setUp({ maxRows: 2 })
    void commit.add(job('a'))
    await settled()
    for (const id of ['b', 'c', 'd', 'e', 'f']) void commit.add(job(id))
    await settled()
    expect(inserts.map((insert) => insert.ids)).toEqual([['a'], ['b', 'c']])
    inserts[1]?.commit()
    await settled()
    inserts[2]?.commit()
    await settled()
    // What is left is less than a group, and waits for the first.
    expect(inserts.map((insert) => insert.ids)).toEqual([['a'], ['b', 'c'], ['d', 'e']])
    const closed = watch(commit.close())
    await settled()
    inserts[0]?.commit()
    await settled()
    expect(inserts[3]?.ids).toEqual(['f'])
    expect(closed.state).toBe('pending')
    inserts[3]?.commit()
    await settled()
    expect(closed.state).toBe('resolved')
  })

  it('of one batch are never in two INSERTs at a time: their order is kept', async () => {
    const { commit, inserts } = setUp({ maxRows: 2 })
    const [first, second] = [{}, {}]
    for (const id of ['a', 'b', 'c', 'd']) void commit.addTogether([job(id)], first)
    for (const id of ['e', 'f', 'g']) void commit.addTogether([job(id)], second)
    await settled()
    expect(inserts.map((insert) => insert.ids)).toEqual([
      ['a', 'b'],
      ['e', 'f'],
    ])
    inserts[1]?.commit()
    await settled()
    expect(inserts[2]?.ids).toEqual(['g'])
    inserts[0]?.commit()
    await settled()
    expect(inserts[3]?.ids).toEqual(['c', 'd'])
  })

  it('of one ordering key are never in two INSERTs at a time', async () => {
    const { commit, inserts } = setUp({ maxRows: 2 })
    const rows = [
      ...['a', 'b', 'c'].map((id) => job(id, { orderingKey: 'k' })),
      job('d', { orderingKey: 'k', tenantId: 't' }),
      ...['e', 'f'].map((id) => job(id)),
    ]
    for (const row of rows) void commit.add(row)
    await settled()
    // Of another tenant it is another key.
    expect(inserts.map((insert) => insert.ids)).toEqual([
      ['a', 'b'],
      ['d', 'e'],
    ])
    inserts[1]?.commit()
    await settled()
    expect(inserts[2]?.ids).toEqual(['f'])
    inserts[0]?.commit()
    await settled()
    inserts[2]?.commit()
    await settled()
    expect(inserts[3]?.ids).toEqual(['c'])
  })

  it('are refused when memory has no more room, and taken again afterwards', async () => {
    const { commit, inserts } = setUp({ maxWaitingBytes: 1_000 })
    const first = commit.add(job('a'))
    void commit.add(job('b'))
    await expect(commit.add(job('c'))).rejects.toMatchObject({
      code: 'database_unavailable',
      retryable: true,
    })
    await settled()
    inserts[0]?.commit()
    await first
    const later = watch(commit.add(job('c')))
    await settled()
    inserts[1]?.commit()
    await settled()
    expect(later.state).toBe('resolved')
  })

  it('are refused with those before them of their batch, however small they are', async () => {
    const { commit } = setUp({ maxWaitingBytes: 2_000 }, ({ jobs }) => jobs.map(stored))
    const batch = {}
    const sizes = [10, 3_000, 10]
    const added = sizes.map((size, index) =>
      watch(commit.addTogether([job(`${index}`, { payload: 'x'.repeat(size) })], batch)),
    )
    const other = watch(commit.addTogether([job('other')], {}))
    await settled()
    expect(added.map(({ state }) => state)).toEqual(['resolved', 'rejected', 'rejected'])
    expect(other.state).toBe('resolved')
  })
})

describe('after a commit', () => {
  it('wakes the queues of what was stored, and who waits for the time', async () => {
    const { commit, wakeUps } = setUp({}, ({ jobs }) =>
      jobs.map((each) =>
        each.id === 'again' ? { outcome: 'duplicate', jobId: 'x' } : stored(each),
      ),
    )
    await Promise.all([
      commit.add(job('a')),
      commit.add(job('b', { queue: 'mail' })),
      commit.add(job('again', { queue: 'twice' })),
      commit.add(job('dead', { queue: 'dead', dead: { reason: 'invalid', error: 'x' } })),
      // It may lie in the past, by the database's clock.
      commit.add(job('late', { queue: 'late', scheduledAt: new Date(0) })),
    ])
    expect(wakeUps.woken).toEqual([['default', 'mail', 'late']])
    expect(wakeUps.waits).toBe(1)
  })
})

describe('closing', () => {
  it('waits for what is under way, takes nothing more, and may be done twice', async () => {
    const { commit, inserts } = setUp()
    const first = watch(commit.add(job('a')))
    await settled()
    const second = watch(commit.add(job('b')))
    const closed = watch(commit.close())
    const again = watch(commit.close())
    await expect(commit.add(job('c'))).rejects.toMatchObject({
      code: 'instance_stopping',
      retryable: true,
    })
    await settled()
    expect(closed.state).toBe('pending')
    inserts[0]?.commit()
    await settled()
    inserts[1]?.commit()
    await settled()
    expect([first.state, second.state, closed.state, again.state]).toEqual(
      Array<string>(4).fill('resolved'),
    )
  })

  it('does not wait for a database that is away', async () => {
    const { commit, clock } = setUp({ giveUpMs: 60_000 }, () => {
      throw storeErrors.away()
    })
    const added = watch(commit.add(job('a')))
    await clock.advance(200)
    const closed = watch(commit.close())
    await clock.advance(1_000)
    expect(added.state).toBe('rejected')
    expect(closed.state).toBe('resolved')
  })
})
