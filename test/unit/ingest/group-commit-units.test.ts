import { expect, it } from 'vitest'
import { storeErrors, stored } from './fake-store.ts'
import { job, setUp, watch } from './commit-set-up.ts'

it('the rows of one message go in one INSERT, and are told by their first', async () => {
  const { commit, inserts } = setUp()
  const three = watch(commit.addTogether([job('a'), job('b'), job('c')]))
  const one = watch(commit.add(job('d')))
  await Promise.resolve()
  expect(inserts).toMatchObject([{ ids: ['a', 'b', 'c', 'd'], units: [3, 1] }])
  expect(commit.waiting()).toBe(4)
  inserts[0]?.commit([
    { outcome: 'duplicate', jobId: 'x' },
    { outcome: 'duplicate', jobId: 'y' },
    { outcome: 'duplicate', jobId: 'z' },
    { outcome: 'stored', jobId: 'd' },
  ])
  await commit.close()
  expect(three.value).toEqual({ outcome: 'duplicate', jobId: 'x' })
  expect(one.value).toEqual({ outcome: 'stored', jobId: 'd' })
  expect(commit.waiting()).toBe(0)
})

it('a group of messages is never filled up by a part of one', async () => {
  const { commit, inserts } = setUp({ maxRows: 3 }, ({ jobs }) => jobs.map(stored))
  await Promise.all([
    commit.addTogether([job('a'), job('b')]),
    commit.addTogether([job('c'), job('d')]),
    commit.addTogether([job('e'), job('f'), job('g'), job('h')]),
  ])
  expect(inserts.map(({ ids }) => ids)).toEqual([
    ['a', 'b'],
    ['c', 'd'],
    ['e', 'f', 'g', 'h'],
  ])
})

it('a group that is halved never parts the rows of one message', async () => {
  const { commit, inserts } = setUp({}, ({ jobs }) => {
    if (jobs.some(({ id }) => id === 'bad')) throw storeErrors.data()
    return jobs.map(stored)
  })
  const messages = [
    [job('a'), job('b')],
    [job('c'), job('bad'), job('d')],
    [job('e'), job('f'), job('g')],
  ]
  const watched = messages.map((rows) => watch(commit.addTogether(rows)))
  await commit.close()
  expect(watched.map(({ state }) => state)).toEqual(['resolved', 'rejected', 'resolved'])
  const together = messages.map((rows) => rows.map(({ id }) => id))
  for (const { ids } of inserts) {
    for (const message of together) {
      const seen = message.filter((id) => ids.includes(id)).length
      expect([0, message.length]).toContain(seen)
    }
  }
})

it('bytes are those of all rows of a message', async () => {
  const { commit } = setUp({ maxRowBytes: 3_000 })
  const large = { payload: 'x'.repeat(1_200) }
  await expect(commit.addTogether([job('a', large), job('b', large)])).rejects.toMatchObject({
    code: 'payload_too_large',
  })
})
