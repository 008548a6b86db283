import { describe, expect, it } from 'vitest'
import { createBatches } from '../../../src/expressions/batches.ts'
import type { ToProcess } from '../../../src/expressions/messages.ts'
import type { ExpressionProcessEvents } from '../../../src/expressions/process-keeper.ts'
import { silentLog } from '../ingest/fake-store.ts'
import { input } from './set-up.ts'

/** Timers that run when a test says so. */
function manualTimers() {
  let now = 0
  const timers = new Set<{ at: number; run: () => void }>()
  return {
    clock: {
      monotonicMs: () => now,
      after: (delayMs: number, run: () => void) => {
        const timer = { at: now + delayMs, run }
        timers.add(timer)
        return { cancel: () => void timers.delete(timer) }
      },
    },
    /** The clock goes on, and what is due runs; `lateMs`: the main thread stood still before. */
    pass: (ms: number, lateMs = 0) => {
      now += ms + lateMs
      for (const timer of [...timers]) {
        if (timer.at > now) continue
        timers.delete(timer)
        timer.run()
      }
    },
  }
}

function setUp() {
  const { clock, pass } = manualTimers()
  const started: { events: ExpressionProcessEvents; sent: ToProcess[]; killed: boolean }[] = []
  const batches = createBatches({
    start: (events) => {
      const one = { events, sent: [] as ToProcess[], killed: false }
      started.push(one)
      return {
        send: (message) => void one.sent.push(message),
        kill: () => {
          one.killed = true
          events.ended()
        },
      }
    },
    limitMs: 250,
    clock,
    log: silentLog,
  })
  const last = () => started.at(-1)!
  /** How many messages the last batch of the last process has. */
  const size = () => {
    const message = last().sent.at(-1)
    return message?.kind === 'batch' ? message.messages.length : 0
  }
  const answer = () =>
    last().events.results({
      kind: 'results',
      results: Array.from({ length: size() }, () => ({ outcome: 'filtered' as const })),
    })
  return { batches, started, last, size, answer, pass }
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

describe('messages for the process', () => {
  it('that arrive while one batch is under way are the next one', async () => {
    const { batches, last, size, answer } = setUp()
    last().events.ready()
    const first = batches.evaluate(0, input(1))
    await turn()
    const others = [2, 3, 4].map((n) => batches.evaluate(0, input(n)))
    expect(size()).toBe(1)
    answer()
    await first
    await turn()
    expect(size()).toBe(3)
    answer()
    expect(await Promise.all(others)).toHaveLength(3)
  })

  it('fail by themselves when they take too long; the others are evaluated again, one by one', async () => {
    const { batches, started, last, size, answer, pass } = setUp()
    last().events.ready()
    const all = [0, 1, 2].map((n) => batches.evaluate(0, input(n)))
    await turn()
    expect(size()).toBe(3)
    last().events.began(1)
    pass(350)
    expect(await all[1]).toMatchObject({ outcome: 'invalid', reason: 'mapping_failed' })
    expect(started[0]?.killed).toBe(true)
    last().events.ready()
    for (const index of [0, 2]) {
      expect(size()).toBe(1)
      answer()
      expect(await all[index]).toEqual({ outcome: 'filtered' })
    }
  })

  it('are not blamed for a main thread that stood still', async () => {
    const { batches, last, answer, pass } = setUp()
    last().events.ready()
    const one = batches.evaluate(0, input(1))
    await turn()
    pass(350, 5_000)
    answer()
    expect(await one).toEqual({ outcome: 'filtered' })
  })

  it('are blamed for the death of the process the second time', async () => {
    const { batches, last, size, pass } = setUp()
    last().events.ready()
    const all = [0, 1].map((n) => batches.evaluate(0, input(n)))
    await turn()
    last().events.began(1)
    last().events.ended()
    last().events.ready()
    expect(size()).toBe(1)
    last().events.results({ kind: 'results', results: [{ outcome: 'filtered' }] })
    expect(await all[0]).toEqual({ outcome: 'filtered' })
    last().events.ended()
    expect(await all[1]).toMatchObject({ outcome: 'invalid', reason: 'mapping_failed' })
    pass(0)
  })

  it('can be offered again when the process does not start', async () => {
    const { batches, last } = setUp()
    const one = batches.evaluate(0, input(1))
    await turn()
    last().events.ended()
    await expect(one).rejects.toMatchObject({ code: 'mapping_unavailable', retryable: true })
    await expect(batches.evaluate(0, input(2))).rejects.toMatchObject({ retryable: true })
  })

  it('are given up when the instance stops', async () => {
    const { batches, last } = setUp()
    last().events.ready()
    const one = batches.evaluate(0, input(1))
    await turn()
    const refused = expect(one).rejects.toMatchObject({ code: 'instance_stopping' })
    await batches.stop()
    await refused
    await batches.stop()
  })
})
