import { describe, expect, it } from 'vitest'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import { createRegistry } from '../../../src/handler-kit/registry.ts'
import type { Gate } from '../../../src/ports/gate.ts'
import type { ClaimedJob } from '../../../src/ports/store.ts'
import { createAlone } from '../../../src/worker/alone.ts'
import { createCompletions } from '../../../src/worker/completions.ts'
import { createHeldJobs } from '../../../src/worker/held.ts'
import { createPool, type Pool } from '../../../src/worker/pool.ts'
import { workerContext } from './context.ts'
import { settled } from './manual-clock.ts'

/** A pool of two workers before a queue that never ends, behind a gate with this much room. */
function setUp(room: number) {
  let claimed = 0
  const limits: number[] = []
  const returned: string[] = []
  const running: (() => void)[] = []
  const listeners: (() => void)[] = []
  const gate = { room, entered: 0, left: 0 }
  const { context: base, clock } = workerContext({
    claim: ({ limit }) => {
      limits.push(limit)
      return Promise.resolve(
        Array.from({ length: limit }, () => {
          claimed += 1
          const jobId = `job ${claimed}`
          return {
            jobId,
            epoch: 1,
            rank: 0,
            seq: String(claimed),
            handler: 'h',
            queue: 'q',
            retryCount: 0,
          } as ClaimedJob
        }),
      )
    },
    settle: (settlements) => {
      for (const { jobId, ending, durationMs } of settlements) {
        returned.push(`${jobId} ${ending.kind} ${JSON.stringify(durationMs)}`)
      }
      return Promise.resolve([...settlements])
    },
  })
  const context = {
    ...base,
    handlers: createRegistry([defineHandler({ name: 'h', run: () => undefined })]),
  }
  const held = createHeldJobs(context, { onTrouble: () => undefined, onReplaced: () => undefined })
  const pool: Pool = createPool(
    context,
    {
      name: 'q',
      queue: 'q',
      workers: 2,
      gate: {
        room: () => gate.room,
        enter: () => {
          gate.entered += 1
          gate.room -= 1
          return () => {
            gate.left += 1
          }
        },
        onChange: (listener) => {
          listeners.push(listener)
          return () => undefined
        },
      } satisfies Gate,
    },
    {
      held,
      alone: createAlone(clock, {
        running: () => pool.running(),
        wantToWork: () => pool.wantsToWork(),
      }),
      completions: createCompletions(context),
      run: () => new Promise((resolve) => running.push(resolve)),
      serves: () => true,
    },
  )
  return {
    pool,
    gate,
    limits,
    returned,
    running,
    set: async (next: number) => {
      gate.room = next
      for (const listener of listeners) listener()
      await settled()
    },
  }
}

describe('a pool behind a gate', () => {
  it('claims nothing while it is closed, however often it is woken', async () => {
    const { pool, limits, set } = setUp(0)
    pool.start()
    for (let count = 0; count < 10; count += 1) {
      pool.wake(['q'])
      pool.look()
      await settled()
    }
    expect(limits).toEqual([])
    expect(pool.wantsToWork()).toBe(false)
    await set(Infinity)
    expect(pool.running()).toBe(2)
  })

  it('claims no more than may begin', async () => {
    const { pool, limits, gate, set } = setUp(1)
    pool.start()
    await settled()
    expect(limits).toEqual([1])
    expect(gate).toMatchObject({ entered: 1, left: 0, room: 0 })
    expect(pool.running()).toBe(1)
    await set(1)
    expect(limits).toEqual([1, 1])
    expect(pool.running()).toBe(2)
  })

  it('gives back at once, uncounted, what has not begun when it closes; what runs goes on', async () => {
    const { pool, running, returned, set, gate } = setUp(Infinity)
    pool.start()
    await settled()
    // Two run; behind them waits what was claimed for when they end.
    for (const end of running.splice(0)) end()
    await settled()
    await settled()
    await set(0)
    await settled()
    expect(returned).toEqual(['job 5 returned null', 'job 6 returned null'])
    expect(pool.running()).toBe(2)
    for (const end of running.splice(0)) end()
    await settled()
    expect(pool.running()).toBe(0)
    expect(gate.left).toBe(gate.entered)
  })
})
