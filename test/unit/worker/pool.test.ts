import { describe, expect, it } from 'vitest'
import type { ClaimedJob } from '../../../src/ports/store.ts'
import type { HeldJob } from '../../../src/worker/held.ts'
import { storeErrors } from '../ingest/fake-store.ts'
import { settled } from './manual-clock.ts'
import { claimed, setUp } from './pool-set-up.ts'

describe('a pool, while the database is away', () => {
  it('asks again a few times a second, however often it is woken', async () => {
    let claims = 0
    let looks = 0
    const { pool, clock } = setUp({
      claim: () => {
        claims += 1
        return Promise.reject(storeErrors.away())
      },
      readyQueues: () => {
        looks += 1
        return Promise.reject(storeErrors.away())
      },
    })
    pool.start()
    for (let round = 0; round < 100; round += 1) {
      pool.wake(['default'])
      pool.look()
      await clock.advance(100)
    }
    const [before, looked] = [claims, looks]
    await clock.advance(10_000)
    expect(claims - before).toBeLessThanOrEqual(21)
    expect(looks - looked).toBeLessThanOrEqual(21)
    expect(claims - before).toBeGreaterThan(5)
  })

  it('finds its queues once it is back, though it knew none', async () => {
    let away = true
    const ran: string[] = []
    const { pool, clock } = setUp(
      {
        claim: ({ limit }) => Promise.resolve([claimed('a')].slice(ran.length, limit)),
        readyQueues: () =>
          away ? Promise.reject(storeErrors.away()) : Promise.resolve(['default']),
      },
      {
        run: (held) => {
          ran.push(held.job.jobId)
          return Promise.resolve()
        },
      },
    )
    pool.start()
    await clock.advance(3_000)
    away = false
    await clock.advance(1_500)
    expect(ran).toEqual(['a'])
  })
})

describe('looking at every queue', () => {
  it('is one question at a time, and another one after it', async () => {
    const answers: ((queues: string[]) => void)[] = []
    const { pool } = setUp({
      claim: () => Promise.resolve([]),
      readyQueues: () => new Promise((resolve) => answers.push(resolve)),
    })
    pool.start()
    for (let count = 0; count < 100; count += 1) pool.look()
    expect(answers).toHaveLength(1)
    answers[0]?.([])
    await settled()
    expect(answers).toHaveLength(2)
    answers[1]?.([])
    await settled()
    expect(answers).toHaveLength(2)
  })
})

describe('a wake-up while a claim is under way', () => {
  it('is followed by another claim', async () => {
    const answers: ((jobs: ClaimedJob[]) => void)[] = []
    const { pool } = setUp(
      { claim: () => new Promise((resolve) => answers.push(resolve)) },
      { queue: 'default' },
    )
    pool.start()
    await settled()
    pool.wake(['default'])
    answers[0]?.([])
    await settled()
    expect(answers).toHaveLength(2)
    answers[1]?.([])
    await settled()
    expect(answers).toHaveLength(2)
  })
})

describe('stopping', () => {
  it('waits for the claim under way, and gives back what it brings', async () => {
    const answers: ((jobs: ClaimedJob[]) => void)[] = []
    const returned: string[] = []
    const { pool, held } = setUp(
      {
        claim: () => new Promise((resolve) => answers.push(resolve)),
        settle: (settlements) => {
          returned.push(...settlements.map(({ jobId, ending }) => `${jobId} ${ending.kind}`))
          return Promise.resolve([...settlements])
        },
      },
      { queue: 'default' },
    )
    pool.start()
    await settled()
    let stopped = false
    const stop = pool.stop().then(() => (stopped = true))
    await settled()
    expect(stopped).toBe(false)
    answers[0]?.([claimed('a'), claimed('b')])
    await stop
    expect(returned).toEqual(['a returned', 'b returned'])
    expect(held.size()).toBe(0)
    expect(pool.running()).toBe(0)
  })
})

describe('what was claimed and has not begun', () => {
  it('is given back after two seconds, and not claimed again by workers that are all busy', async () => {
    const ready = Array.from({ length: 6 }, (_, index) => claimed(`job-${index}`))
    let claims = 0
    const blocked: HeldJob[] = []
    const quick: HeldJob[] = []
    const { pool, clock, held } = setUp(
      {
        claim: ({ limit }) => {
          claims += 1
          return Promise.resolve(ready.splice(0, limit))
        },
        settle: (settlements) => {
          for (const { jobId, ending } of settlements) {
            if (ending.kind === 'returned') ready.push(claimed(jobId))
          }
          return Promise.resolve([...settlements])
        },
      },
      {
        queue: 'default',
        workers: 1,
        run: (each) => {
          if (quick.length < 5) {
            quick.push(each)
            held.remove(each)
            return Promise.resolve()
          }
          blocked.push(each)
          return new Promise(() => undefined)
        },
      },
    )
    pool.start()
    await settled()
    expect(blocked).toHaveLength(1)
    // It has just ended five, and so may hold five.
    for (let index = 0; index < 5; index += 1) ready.push(claimed(`later-${index}`))
    pool.wake(['default'])
    await settled()
    expect(held.size()).toBeGreaterThan(1)
    await clock.advance(4_100)
    expect(held.size()).toBe(1)
    expect(ready).toHaveLength(5)
    const before = claims
    for (let round = 0; round < 20; round += 1) {
      pool.wake(['default'])
      await clock.advance(1_000)
    }
    expect(claims).toBe(before)
    expect(held.size()).toBe(1)
  })
})

describe('a claim whose answer was read late, by a process that stood still', () => {
  it('runs what is still its own, and nothing else', async () => {
    const ran: string[] = []
    const renewed: string[] = []
    const claims = [[claimed('kept'), claimed('lost')]]
    const { pool, clock, held } = setUp(
      {
        claim: () => {
          clock.standStill(16_000)
          return Promise.resolve(claims.shift() ?? [])
        },
        renew: ({ keys }) => {
          renewed.push(...keys.map(({ jobId }) => jobId))
          return Promise.resolve(keys.filter(({ jobId }) => jobId === 'kept'))
        },
      },
      {
        queue: 'default',
        run: (each) => {
          ran.push(each.job.jobId)
          held.remove(each)
          return Promise.resolve()
        },
      },
    )
    pool.start()
    await settled()
    await settled()
    expect(renewed).toEqual(['kept', 'lost'])
    expect(ran).toEqual(['kept'])
    expect(held.size()).toBe(0)
  })
})

describe('a job that must run alone', () => {
  it('waits until nothing else runs; a second one comes again later', async () => {
    const ran: string[] = []
    const ends = new Map<string, () => void>()
    const returned: string[] = []
    const suspect = (jobId: string): ClaimedJob => ({
      ...claimed(jobId),
      recoveries: 2,
      retryCount: 2,
      maxRetries: 3,
    })
    const claims = [[claimed('a')], [suspect('s'), suspect('t'), claimed('b')], [claimed('c')]]
    const { pool, held } = setUp(
      {
        claim: () => Promise.resolve(claims.shift() ?? []),
        settle: (settlements) => {
          returned.push(...settlements.map(({ jobId }) => jobId))
          return Promise.resolve([...settlements])
        },
      },
      {
        queue: 'default',
        workers: 3,
        run: async (each) => {
          ran.push(each.job.jobId)
          await new Promise<void>((resolve) => ends.set(each.job.jobId, resolve))
          held.remove(each)
        },
      },
    )
    const end = async (jobId: string): Promise<void> => {
      ends.get(jobId)?.()
      await settled()
      pool.wake(['default'])
      await settled()
    }
    pool.start()
    await settled()
    pool.wake(['default'])
    await settled()
    expect(ran).toEqual(['a'])
    expect(returned).toEqual(['t'])
    await end('a')
    expect(ran).toEqual(['a', 's'])
    await end('s')
    expect(ran).toEqual(['a', 's', 'b', 'c'])
  })
})
