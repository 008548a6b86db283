import { describe, expect, it } from 'vitest'
import type { ExpiredJob } from '../../../src/ports/store.ts'
import { createRecovery } from '../../../src/worker/recovery.ts'
import { storeErrors } from '../ingest/fake-store.ts'
import { workerContext } from './context.ts'

function setUp() {
  const said = { looks: 0, pings: 0, away: false }
  const ask = <T>(answer: T): Promise<T> =>
    said.away ? Promise.reject(storeErrors.away()) : Promise.resolve(answer)
  const { context, clock } = workerContext({
    ping: () => {
      said.pings += 1
      return ask({ version: 'x', latencyMs: 1 })
    },
    recoverExpired: () => {
      said.looks += 1
      return ask<ExpiredJob[]>([])
    },
  })
  const recovery = createRecovery(context, () => false)
  recovery.start()
  return { said, clock, recovery }
}

describe('looking for the jobs of dead processes', () => {
  it('begins a whole lease after the start, and goes on three times a lease', async () => {
    const { said, clock } = setUp()
    await clock.advance(29_999)
    expect(said).toMatchObject({ looks: 0, pings: 2 })
    await clock.advance(1)
    expect(said.looks).toBe(1)
    await clock.advance(30_000)
    expect(said.looks).toBe(4)
  })

  it('begins a whole lease after the database came back', async () => {
    const { said, clock } = setUp()
    await clock.advance(60_000)
    said.away = true
    await clock.advance(40_000)
    said.away = false
    const { looks } = said
    // The last answer that failed was up to a third of a lease ago.
    await clock.advance(20_000)
    expect(said.looks).toBe(looks)
    await clock.advance(20_000)
    expect(said.looks).toBeGreaterThan(looks)
  })

  it('begins a whole lease after this process stood still: its own leases have expired', async () => {
    const { said, clock } = setUp()
    await clock.advance(60_000)
    const { looks } = said
    clock.standStill(45_000)
    await clock.advance(0)
    expect(said.looks).toBe(looks)
    await clock.advance(29_000)
    expect(said.looks).toBe(looks)
    await clock.advance(10_000)
    expect(said.looks).toBeGreaterThan(looks)
  })

  it('ends when it is stopped', async () => {
    const { said, clock, recovery } = setUp()
    recovery.stop()
    await clock.advance(120_000)
    expect(said).toMatchObject({ looks: 0, pings: 0 })
    expect(clock.pending()).toBe(0)
  })
})

it('leaves alone what this very instance holds, and takes what it held under an earlier epoch', async () => {
  const decided: unknown[] = []
  const expired = (epoch: number): ExpiredJob => ({
    jobId: 'mine',
    epoch,
    handler: 'h',
    protocol: null,
    method: null,
    queue: 'default',
    begun: false,
    retryCount: 0,
    maxRetries: null,
    recoveries: 0,
    lockedBy: 'me',
    cancelRequested: false,
  })
  const { context, clock } = workerContext({
    ping: () => Promise.resolve({ version: 'x', latencyMs: 1 }),
    recoverExpired: ({ decide }) => {
      decided.push(decide(expired(2)), decide(expired(1)))
      return Promise.resolve([])
    },
  })
  const recovery = createRecovery(context, ({ epoch }) => epoch === 2)
  recovery.start()
  await clock.advance(30_000)
  recovery.stop()
  expect(decided).toEqual([undefined, { kind: 'returned', delayMs: 0 }])
})
