import { describe, expect, it, vi } from 'vitest'
import { storeErrors } from '../ingest/fake-store.ts'
import { settled } from '../worker/manual-clock.ts'
import { dueAt, ids, setUp } from './memory-scheduler.ts'

describe('a scheduler', () => {
  it('sleeps until the next tick, a change, or its check interval', async () => {
    const { clock, seen, behaviour, scheduler, changed } = setUp()
    behaviour.nextDueInMs = 1_500.2
    scheduler.start()
    await settled()
    expect(seen).toMatchObject({ looks: 1, reopened: 1 })
    behaviour.nextDueInMs = null
    await clock.advance(1_500)
    expect(seen.looks).toBe(1)
    await clock.advance(1)
    expect(seen.looks).toBe(2)
    changed()
    await settled()
    expect(seen.looks).toBe(3)
    await clock.advance(59_999)
    expect(seen.looks).toBe(3)
    await clock.advance(1)
    expect(seen).toMatchObject({ looks: 4, reopened: 1 })
    await scheduler.stop()
    expect(clock.pending()).toBe(0)
  })

  it('fires everything that is due by batches, and tells of the queues', async () => {
    const { seen, due, ready, scheduler } = setUp(ids(600).map(dueAt))
    scheduler.start()
    await vi.waitFor(() => {
      expect(due).toEqual([])
    })
    expect(seen.batches.map(({ length }) => length)).toEqual([250, 250, 100])
    expect(ready).toHaveBeenCalledWith(['q'])
    expect(scheduler.statistics()).toEqual({
      running: true,
      fired: 600,
      failures: 0,
      heldOff: 0,
      evaluating: 0,
    })
    await scheduler.stop()
  })

  it('looks again when something changed while it was looking', async () => {
    const { seen, behaviour, clock, scheduler, changed } = setUp([dueAt('a')])
    const gate = Promise.withResolvers<undefined>()
    behaviour.gate = gate.promise
    scheduler.start()
    await settled()
    const before = seen.looks
    changed()
    gate.resolve(undefined)
    await clock.advance(0)
    expect(seen.looks).toBeGreaterThan(before)
    await scheduler.stop()
  })

  it('fires the others where the database takes no job of one, and says so in its row', async () => {
    const { seen, behaviour, due, clock, scheduler } = setUp(['a', 'bad', 'c', 'd'].map(dueAt))
    behaviour.error = (batch) =>
      batch.includes('bad') && seen.plans.length === 0 ? storeErrors.data() : undefined
    scheduler.start()
    await clock.advance(0)
    expect(due).toEqual([])
    expect(seen.plans).toMatchObject([{ schedule: { id: 'bad' }, next: 'never' }])
    expect(seen.plans[0]?.error).toContain('no job of it')
    expect(scheduler.statistics()).toMatchObject({ fired: 3, failures: 0 })
    await scheduler.stop()
  })

  it('comes back soon, and not at once, to what others have locked', async () => {
    const { seen, behaviour, due, clock, scheduler } = setUp(['a', 'b'].map(dueAt))
    behaviour.locked = new Set(['b'])
    scheduler.start()
    await clock.advance(0)
    const before = seen.looks
    await clock.advance(49)
    expect(seen.looks).toBe(before)
    await clock.advance(10_000)
    expect(seen.looks - before).toBeLessThan(20)
    behaviour.locked = new Set()
    await clock.advance(1_000)
    expect(due).toEqual([])
    await scheduler.stop()
  })

  it('goes on further on where another instance fires the same batch, and then with what it passed over', async () => {
    const all = ids(1_750)
    const { seen, behaviour, due, clock, scheduler } = setUp(all.map(dueAt))
    behaviour.random = 0.5
    behaviour.locked = new Set(all.slice(0, 250))
    scheduler.start()
    await clock.advance(0)
    expect(seen.batches.slice(0, 2).map(([first]) => first)).toEqual(['s0000', 's1500'])
    expect(due.map(({ id }) => id)).toEqual(all.slice(0, 250))
    await scheduler.stop()
  })

  it('does not wait for others where what it passed over is free', async () => {
    const all = ids(1_500)
    const { behaviour, due, clock, scheduler } = setUp(all.map(dueAt))
    behaviour.random = 0
    behaviour.locked = new Set([...all.slice(0, 250), ...all.slice(500)])
    scheduler.start()
    await clock.advance(0)
    expect(due).toHaveLength(1_250)
    await scheduler.stop()
  })

  it('tries again while the database is away, ever more seldom, and goes on by itself', async () => {
    const { seen, behaviour, due, clock, scheduler } = setUp([dueAt('a')])
    behaviour.error = () => storeErrors.away()
    scheduler.start()
    await clock.advance(60_000)
    expect(seen.looks).toBeGreaterThan(10)
    expect(seen.looks).toBeLessThan(25)
    expect(scheduler.statistics().failures).toBe(seen.looks)
    behaviour.error = () => undefined
    await clock.advance(5_000)
    expect(due).toEqual([])
    expect(scheduler.statistics()).toMatchObject({ failures: 0, fired: 1 })
    await scheduler.stop()
  })

  it('waits at its stop for what is under way, and begins nothing more', async () => {
    const { seen, behaviour, due, scheduler, changed } = setUp(ids(600).map(dueAt))
    const gate = Promise.withResolvers<undefined>()
    behaviour.gate = gate.promise
    scheduler.start()
    await settled()
    let stopped = false
    const stopping = scheduler.stop().then(() => (stopped = true))
    changed()
    await settled()
    expect(stopped).toBe(false)
    gate.resolve(undefined)
    await stopping
    expect(seen.batches).toHaveLength(1)
    expect(due).toHaveLength(350)
    expect(scheduler.statistics().running).toBe(false)
  })

  it('does not try each schedule by itself while a whole table is locked, and stops in the middle', async () => {
    const { seen, behaviour, clock, due, scheduler } = setUp(ids(250).map(dueAt))
    behaviour.error = (batch) => (batch.length > 0 ? storeErrors.locked() : undefined)
    scheduler.start()
    await clock.advance(0)
    expect(seen.batches.length).toBeLessThanOrEqual(21)
    expect(seen.plans).toEqual([])
    const gate = Promise.withResolvers<undefined>()
    behaviour.gate = gate.promise
    await clock.advance(2_000)
    const before = seen.batches.length
    const stopping = scheduler.stop()
    gate.resolve(undefined)
    await stopping
    expect(seen.batches).toHaveLength(before)
    expect(due).toHaveLength(250)
  })

  it('tells of what was fired before the database went away in the middle of a batch', async () => {
    const { behaviour, clock, ready, scheduler } = setUp(['a', 'b', 'c', 'd'].map(dueAt))
    let calls = 0
    behaviour.error = (batch) => {
      if (batch.length === 0) return undefined
      calls += 1
      if (calls === 1) return storeErrors.deadlock()
      return calls === 2 ? undefined : storeErrors.away()
    }
    scheduler.start()
    await clock.advance(0)
    expect(ready).toHaveBeenCalledWith(['q'])
    expect(scheduler.statistics()).toMatchObject({ fired: 2, failures: 1 })
    await scheduler.stop()
  })

  it('fires though those that could not run cannot be looked at again, and tries that again', async () => {
    const { behaviour, clock, due, scheduler, seen } = setUp([dueAt('a')])
    behaviour.reopen = () => storeErrors.data()
    scheduler.start()
    await clock.advance(0)
    expect(due).toEqual([])
    const before = seen.reopened
    behaviour.reopen = () => undefined
    await clock.advance(60_000)
    expect(seen.reopened).toBe(before + 1)
    await clock.advance(60_000)
    expect(seen.reopened).toBe(before + 1)
    await scheduler.stop()
  })

  it('leaves alone for a while what the database refuses without a word about its data, and fires the others', async () => {
    const { seen, behaviour, due, clock, scheduler } = setUp(['a', 'bad', 'c'].map(dueAt))
    behaviour.error = (batch) => (batch.includes('bad') ? storeErrors.unknown() : undefined)
    scheduler.start()
    await clock.advance(10)
    expect(due.map(({ id }) => id)).toEqual(['bad'])
    expect(seen.plans).toEqual([])
    expect(scheduler.statistics()).toMatchObject({ fired: 2, failures: 0, heldOff: 1 })
    const tries = seen.batches.length
    await clock.advance(60_000)
    expect(seen.batches.length - tries).toBeGreaterThan(3)
    expect(seen.batches.length - tries).toBeLessThan(10)
    behaviour.error = () => undefined
    await clock.advance(120_000)
    expect(due).toEqual([])
    expect(scheduler.statistics().heldOff).toBe(0)
    await scheduler.stop()
  })
})
