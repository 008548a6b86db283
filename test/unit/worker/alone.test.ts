import { describe, expect, it } from 'vitest'
import { createAlone, mustRunAlone } from '../../../src/worker/alone.ts'
import { manualClock, settled } from './manual-clock.ts'

describe('a job runs alone', () => {
  it.each([
    { recoveries: 0, retryCount: 2, maxRetries: 3, alone: false, why: 'no process died with it' },
    { recoveries: 1, retryCount: 1, maxRetries: 3, alone: false, why: 'one death is no reason' },
    { recoveries: 1, retryCount: 3, maxRetries: 3, alone: true, why: 'it is its last attempt' },
    { recoveries: 2, retryCount: 2, maxRetries: 9, alone: true, why: 'two died with it' },
    { recoveries: 2, retryCount: 0, maxRetries: 3, alone: false, why: 'it had never begun' },
    { recoveries: 1, retryCount: 0, maxRetries: 0, alone: false, why: 'it had never begun' },
  ])('$alone: $why', ({ recoveries, retryCount, maxRetries, alone }) => {
    expect(mustRunAlone({ recoveries, retryCount }, maxRetries)).toBe(alone)
  })
})

describe('the turn of a job that runs alone', () => {
  function setUp() {
    const clock = manualClock()
    const state = { running: 0, opened: 0, others: true }
    const alone = createAlone(clock, {
      running: () => state.running,
      wantToWork: () => state.others,
    })
    alone.onOpen(() => {
      state.opened += 1
    })
    const ends: (() => void)[] = []
    /** Runs until {@link end}. */
    const begin = (): Promise<void> => {
      state.running += 1
      return new Promise((resolve) => ends.push(resolve))
    }
    const end = async (): Promise<void> => {
      state.running -= 1
      ends.shift()?.()
      alone.freed()
      await settled()
    }
    return { clock, alone, state, begin, end }
  }

  it('comes when nothing else runs, and nothing begins beside it', async () => {
    const { alone, state, begin, end } = setUp()
    void begin()
    void begin()
    expect(alone.request(begin)).toBe(true)
    expect(alone.isOpen()).toBe(false)
    await end()
    expect(state.running).toBe(1)
    await end()
    // The one that asked.
    expect(state.running).toBe(1)
    expect(alone.isOpen()).toBe(false)
    await end()
    expect(alone.isOpen()).toBe(true)
    expect(state.opened).toBe(1)
  })

  it('is one job’s at a time; then the others have the process for as long', async () => {
    const { clock, alone, begin, end } = setUp()
    expect(alone.request(begin)).toBe(true)
    expect(alone.request(begin)).toBe(false)
    await clock.advance(5_000)
    await end()
    expect(alone.request(begin)).toBe(false)
    await clock.advance(4_999)
    expect(alone.request(begin)).toBe(false)
    await clock.advance(1)
    expect(alone.request(begin)).toBe(true)
  })

  it('comes at once where there is nobody to wait for', async () => {
    const { clock, alone, state, begin, end } = setUp()
    alone.request(begin)
    await clock.advance(5_000)
    expect(alone.againInMs()).toBe(5_000)
    await end()
    expect(alone.againInMs()).toBe(5_000)
    expect(alone.request(begin)).toBe(false)
    state.others = false
    expect(alone.request(begin)).toBe(true)
  })

  it('does not wait for longer than a minute for what runs already', async () => {
    const { clock, alone, state, begin, end } = setUp()
    void begin()
    alone.request(begin)
    await clock.advance(59_999)
    expect(state.running).toBe(1)
    await clock.advance(1)
    expect(state.running).toBe(2)
    // The long one ends; the other still has its turn.
    await end()
    expect(alone.isOpen()).toBe(false)
    await end()
    expect(alone.isOpen()).toBe(true)
  })

  it('is over at once when the job does not begin', async () => {
    const { alone, state } = setUp()
    expect(alone.request(() => Promise.resolve())).toBe(true)
    await settled()
    expect(alone.isOpen()).toBe(true)
    expect(state.opened).toBe(1)
  })

  it('is nobody’s when whoever waited withdraws', async () => {
    const { clock, alone, begin, end, state } = setUp()
    void begin()
    alone.request(begin)
    alone.withdraw()
    await end()
    await clock.advance(100_000)
    expect(state.running).toBe(0)
    expect(alone.isOpen()).toBe(true)
  })
})
