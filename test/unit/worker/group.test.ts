import { describe, expect, it } from 'vitest'
import { createGroup } from '../../../src/worker/group.ts'
import { manualClock, settled } from './manual-clock.ts'

function setUp({ max = 10, waitMs = 0 } = {}) {
  const clock = manualClock()
  const batches: string[][] = []
  const faults: unknown[] = []
  const flushes: PromiseWithResolvers<undefined>[] = []
  const group = createGroup<string>({
    clock,
    max,
    waitMs,
    flush: async (items) => {
      batches.push([...items])
      const flush = Promise.withResolvers<undefined>()
      flushes.push(flush)
      await flush.promise
    },
    onFault: (error) => faults.push(error),
  })
  const idle = (): { done: boolean } => {
    const state = { done: false }
    void group.idle().then(() => (state.done = true))
    return state
  }
  return { clock, batches, faults, flushes, group, idle }
}

describe('a group', () => {
  it('takes together what comes in one turn, and what comes while a flush is under way', async () => {
    const { group, batches, flushes } = setUp()
    group.add('a')
    group.add('b')
    await settled()
    expect(batches).toEqual([['a', 'b']])
    group.add('c')
    group.add('d')
    await settled()
    expect(batches).toHaveLength(1)
    expect(group.size()).toBe(4)
    flushes[0]?.resolve(undefined)
    await settled()
    expect(batches).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ])
    expect(group.size()).toBe(2)
  })

  it('has so many things at most', async () => {
    const { group, batches, flushes } = setUp({ max: 2 })
    for (const item of ['a', 'b', 'c', 'd', 'e']) group.add(item)
    await settled()
    flushes[0]?.resolve(undefined)
    await settled()
    flushes[1]?.resolve(undefined)
    await settled()
    expect(batches).toEqual([['a', 'b'], ['c', 'd'], ['e']])
  })

  it('waits so long for others', async () => {
    const { group, batches, clock } = setUp({ waitMs: 50 })
    group.add('a')
    await clock.advance(49)
    group.add('b')
    expect(batches).toEqual([])
    await clock.advance(1)
    expect(batches).toEqual([['a', 'b']])
  })

  it('is idle when everything is flushed, also what came meanwhile; at once when there is nothing', async () => {
    const { group, flushes, idle } = setUp()
    const empty = idle()
    await settled()
    expect(empty.done).toBe(true)
    group.add('a')
    const busy = idle()
    await settled()
    group.add('b')
    flushes[0]?.resolve(undefined)
    await settled()
    expect(busy.done).toBe(false)
    flushes[1]?.resolve(undefined)
    await settled()
    expect(busy.done).toBe(true)
    expect(group.size()).toBe(0)
  })

  it('goes on after a flush that failed, and says so', async () => {
    const { group, flushes, faults, batches } = setUp()
    group.add('a')
    await settled()
    flushes[0]?.reject(new Error('a fault'))
    await settled()
    expect(faults).toEqual([new Error('a fault')])
    group.add('b')
    await settled()
    expect(batches).toEqual([['a'], ['b']])
  })
})
