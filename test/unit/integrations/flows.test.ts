import { describe, expect, it } from 'vitest'
import { createDatabaseGate, PROBE_MS } from '../../../src/integrations/database-gate.ts'
import { createFlows } from '../../../src/integrations/flows.ts'
import { createListeners } from '../../../src/integrations/listeners.ts'
import { silentLog } from '../../../src/observe/log.ts'
import type { Pause } from '../../../src/ports/pauses.ts'
import { manualClock } from '../worker/manual-clock.ts'

const TEMPS = 'mqtt:temps'

/** Flows of two subscriptions, of which one counts its jobs. */
function setUp() {
  const clock = manualClock()
  const paused = new Map<string, Pause>()
  const pauses = createListeners<readonly string[]>(silentLog)
  const gate = createListeners<undefined>(silentLog)
  const database = { open: true }
  const asked: { queue: string; limit: number }[] = []
  const backlog = { waiting: 0, fails: false }
  const flows = createFlows({
    subscriptions: [
      { address: TEMPS, queue: 'plant', backpressure: { pauseAbove: 100, resumeBelow: 50 } },
      { address: 'http:orders', queue: 'default' },
    ],
    pauses: { find: (address) => paused.get(address), onChange: pauses.add },
    database: { isOpen: () => database.open, onChange: (listener) => gate.add(listener) },
    store: {
      countBacklog: async (request) => {
        asked.push(request)
        if (backlog.fails) throw new Error('away')
        return Math.min(request.limit, backlog.waiting)
      },
    },
    clock,
    log: silentLog,
  })
  const changes: (string | undefined)[] = []
  const flow = flows.flow(TEMPS)
  flow.onChange(() => changes.push(flow.closed()?.reason))
  return {
    clock,
    flows,
    flow,
    changes,
    asked,
    backlog,
    pause: (address: string, isPaused: boolean) => {
      if (isPaused) paused.set(address, { on: null, by: null, reason: null })
      else paused.delete(address)
      pauses.tell([address])
    },
    setDatabase: (isOpen: boolean) => {
      database.open = isOpen
      gate.tell(undefined)
    },
  }
}

describe('the flow of a subscription', () => {
  it('is closed by people first, then by the database, then by what waits', async () => {
    const { clock, flows, flow, changes, backlog, pause, setDatabase } = setUp()
    expect(flow.closed()).toBeUndefined()
    backlog.waiting = 101
    flows.noteMessages(TEMPS)
    await clock.advance(0)
    setDatabase(false)
    pause(TEMPS, true)
    pause('http:orders', true)
    pause(TEMPS, false)
    setDatabase(true)
    expect(changes).toEqual(['backpressure', 'database', 'paused', 'database', 'backpressure'])
    expect(flow.closed()).toEqual({ reason: 'backpressure', retryAfterMs: 1_000 })
    expect(flows.flow('http:orders').closed()?.reason).toBe('paused')
    expect(flows.flow('no:such').closed()).toBeUndefined()
  })

  it('tells nothing any more once it is not wanted, and one listener that throws harms no other', () => {
    const { flow, changes, pause } = setUp()
    const forget = flow.onChange(() => {
      throw new Error('a fault of an adapter')
    })
    pause(TEMPS, true)
    forget()
    pause(TEMPS, false)
    expect(changes).toEqual(['paused', undefined])
  })
})

describe('back-pressure', () => {
  it('closes above the one limit, and opens below the other alone', async () => {
    const { clock, flows, flow, changes, asked, backlog } = setUp()
    const countAt = async (waiting: number): Promise<string | undefined> => {
      backlog.waiting = waiting
      flows.noteMessages(TEMPS)
      await clock.advance(1_000)
      return flow.closed()?.reason
    }
    expect(await countAt(100)).toBeUndefined()
    expect(await countAt(101)).toBe('backpressure')
    expect(await countAt(100)).toBe('backpressure')
    expect(await countAt(50)).toBe('backpressure')
    expect(await countAt(49)).toBeUndefined()
    expect(await countAt(100)).toBeUndefined()
    expect(changes).toEqual(['backpressure', undefined])
    expect(flows.waiting(TEMPS)).toBe(100)
    expect(flows.waiting('http:orders')).toBeUndefined()
    expect(asked.every(({ queue, limit }) => queue === 'plant' && limit <= 101)).toBe(true)
  })

  it('counts at most once a second, and only while messages come', async () => {
    const { clock, flows, asked } = setUp()
    await clock.advance(10_000)
    expect(asked).toHaveLength(0)
    for (let index = 0; index < 100; index += 1) {
      flows.noteMessages(TEMPS)
      await clock.advance(30)
    }
    // At once, and after each of three seconds.
    await clock.advance(10_000)
    expect(asked).toHaveLength(4)
    expect(clock.pending()).toBe(0)
  })

  it('counts what came last, after it came', async () => {
    const { clock, flows, flow, backlog } = setUp()
    flows.noteMessages(TEMPS)
    await clock.advance(500)
    backlog.waiting = 500
    flows.noteMessages(TEMPS)
    await clock.advance(500)
    expect(flow.closed()?.reason).toBe('backpressure')
  })

  it('goes on counting while it is closed, though nothing comes in', async () => {
    const { clock, flows, flow, backlog } = setUp()
    backlog.waiting = 500
    flows.noteMessages(TEMPS)
    await clock.advance(60_000)
    expect(flow.closed()?.reason).toBe('backpressure')
    backlog.waiting = 10
    await clock.advance(1_000)
    expect(flow.closed()).toBeUndefined()
    await clock.advance(2_000)
    expect(clock.pending()).toBe(0)
  })

  it('stays as it is while nothing can be counted, and counts again after that', async () => {
    const { clock, flows, flow, backlog } = setUp()
    backlog.fails = true
    flows.noteMessages(TEMPS)
    await clock.advance(5_000)
    expect(flow.closed()).toBeUndefined()
    Object.assign(backlog, { fails: false, waiting: 500 })
    await clock.advance(1_000)
    expect(flow.closed()?.reason).toBe('backpressure')
  })

  it('ends with the instance', async () => {
    const { clock, flows, asked, backlog } = setUp()
    backlog.waiting = 500
    flows.noteMessages(TEMPS)
    await clock.advance(0)
    flows.stop()
    flows.noteMessages(TEMPS)
    await clock.advance(10_000)
    expect(asked).toHaveLength(1)
    expect(clock.pending()).toBe(0)
  })
})

describe('the database being away', () => {
  function setUpGate() {
    const clock = manualClock()
    const health = createListeners<boolean>(silentLog)
    const answers = { there: false, asked: 0 }
    const changes: boolean[] = []
    const gate = createDatabaseGate({
      onHealth: (listener) => health.add(listener),
      ping: async () => {
        answers.asked += 1
        if (!answers.there) throw new Error('away')
      },
      clock,
      log: silentLog,
    })
    gate.onChange(() => changes.push(gate.isOpen()))
    return { clock, health, answers, changes, gate }
  }

  it('closes at the first failure, and opens when the database answers, though nothing is inserted', async () => {
    const { clock, health, answers, changes, gate } = setUpGate()
    health.tell(false)
    health.tell(false)
    await clock.advance(10 * PROBE_MS)
    expect(gate.isOpen()).toBe(false)
    expect(answers.asked).toBe(10)
    answers.there = true
    await clock.advance(PROBE_MS)
    expect(changes).toEqual([false, true])
    await clock.advance(60_000)
    expect(answers.asked).toBe(11)
  })

  it('opens with the next insert that finds it', async () => {
    const { clock, health, changes } = setUpGate()
    health.tell(false)
    health.tell(true)
    expect(changes).toEqual([false, true])
    expect(clock.pending()).toBe(0)
  })

  it('goes on where inserts fail though it answers', async () => {
    const { clock, health, answers, changes, gate } = setUpGate()
    answers.there = true
    health.tell(false)
    await clock.advance(PROBE_MS)
    health.tell(false)
    expect(changes).toEqual([false, true, false])
    gate.stop()
    await clock.advance(60_000)
    expect(clock.pending()).toBe(0)
  })
})
