import { describe, expect, it } from 'vitest'
import { LeaseTable } from '../../../src/leases/lease-table.ts'
import type { FromKeeper } from '../../../src/leases/messages.ts'
import { createRenewal } from '../../../src/leases/renewal.ts'
import type { Announcement } from '../../../src/ports/wake-ups.ts'
import type { ExecutionKey, Settlement } from '../../../src/ports/store.ts'
import { storeErrors } from '../ingest/fake-store.ts'
import { manualClock } from '../worker/manual-clock.ts'

const LEASE_MS = 30_000
const SILENCE_MS = 330_000

/** A thread that renews leases, whose main thread answers until it is told not to. */
function setUp() {
  const clock = manualClock()
  const table = new LeaseTable()
  const lost = new Set<string>()
  const locked = new Set<string>()
  const seen = {
    away: false,
    registered: true,
    begun: [] as string[],
    renewed: [] as string[],
    settled: [] as Settlement[],
    announced: [] as Announcement[],
    told: [] as FromKeeper[],
    ended: [] as number[],
    warned: [] as number[],
  }
  const mine = (keys: readonly ExecutionKey[]): readonly ExecutionKey[] =>
    keys.filter(({ jobId }) => !lost.has(jobId))
  const ask = <T>(answer: () => T): Promise<T> =>
    seen.away ? Promise.reject(storeErrors.away()) : Promise.resolve().then(answer)
  const renewal = createRenewal({
    settings: { owner: 'me', token: 't', leaseMs: LEASE_MS, silenceMs: SILENCE_MS },
    table,
    store: {
      begin: (keys) =>
        ask(() => {
          const written = mine(keys).filter(({ jobId }) => !locked.has(jobId))
          seen.begun.push(...written.map(({ jobId }) => jobId))
          return written
        }),
      renew: ({ keys }) =>
        ask(() => {
          const kept = mine(keys).filter(({ jobId }) => !locked.has(jobId))
          seen.renewed.push(...kept.map(({ jobId }) => jobId))
          return kept
        }),
      stillHeld: (keys) => ask(() => mine(keys)),
      settle: (settlements) =>
        ask(() => {
          seen.settled.push(...settlements)
          return settlements
        }),
      announce: (said) =>
        ask(() => {
          seen.announced.push(said)
        }),
      registerInstance: () =>
        ask(() =>
          seen.registered
            ? { registered: true as const }
            : { registered: false as const, expiresInMs: 1 },
        ),
    },
    clock,
    now: () => clock.monotonicMs(),
    tell: (message) => seen.told.push(message),
    endProcess: (silentMs) => seen.ended.push(silentMs),
    warn: (silentMs) => seen.warned.push(silentMs),
  })
  let answering = true
  const beat = (): void => {
    if (answering) table.beat(false)
    clock.after(500, beat)
  }
  beat()
  renewal.start()

  let slots = 0
  function hold(jobId: string, queue = 'default', ageMs = 0) {
    const slot = slots
    slots += 1
    const word = table.hold(slot)
    renewal.hold({
      kind: 'held',
      queue,
      since: clock.monotonicMs() - ageMs,
      jobIds: [jobId],
      epochs: [1],
      slots: [slot],
      words: [word],
    })
    return {
      begin: (limitMs: number) => table.begin(slot, word, clock.monotonicMs() + limitMs),
      finish: () => {
        table.finish(slot, word)
      },
      end: () => {
        table.end(slot, word)
      },
    }
  }

  return {
    clock,
    seen,
    lost,
    locked,
    hold,
    block: () => {
      answering = false
    },
    goOn: () => {
      answering = true
    },
  }
}

describe('while the main thread answers', () => {
  it('renews what is held three times a lease, and not what has ended', async () => {
    const { clock, seen, hold } = setUp()
    const job = hold('a')
    await clock.advance(9_000)
    expect(seen.renewed).toEqual([])
    await clock.advance(51_000)
    expect(seen.renewed.length).toBeGreaterThanOrEqual(5)
    const before = seen.renewed.length
    job.end()
    await clock.advance(60_000)
    expect(seen.renewed).toHaveLength(before)
  })

  it('renews at once what was claimed long ago, by a thread that was blocked', async () => {
    const { clock, seen, hold } = setUp()
    await clock.advance(10_500)
    hold('new')
    hold('late', 'default', 12_000)
    await clock.advance(100)
    expect(seen.renewed).toEqual(['late'])
  })

  it('writes the begin of what runs, once, and not of what has ended by then', async () => {
    const { clock, seen, hold, locked } = setUp()
    const quick = hold('quick')
    quick.begin(1_000)
    quick.end()
    // Its handler has ended, and its end waits for a slow database.
    const ending = hold('ending')
    ending.begin(1_000)
    ending.finish()
    hold('held')
    hold('long').begin(60_000)
    hold('locked').begin(60_000)
    locked.add('locked')
    await clock.advance(40)
    expect(seen.begun).toEqual([])
    await clock.advance(100)
    expect(seen.begun).toEqual(['long'])
    locked.clear()
    await clock.advance(10_000)
    expect(seen.begun).toEqual(['long', 'locked'])
  })

  it('renews also a handler past its limits: the main thread sees to it', async () => {
    const { clock, seen, hold } = setUp()
    hold('a').begin(1_000)
    await clock.advance(120_000)
    expect(seen.renewed.length).toBeGreaterThanOrEqual(10)
    expect(seen.ended).toEqual([])
  })

  it('tells of what two renewals did not find, and not of what is only locked', async () => {
    const { clock, seen, hold, lost, locked } = setUp()
    hold('gone')
    hold('locked')
    lost.add('gone')
    locked.add('locked')
    await clock.advance(15_000)
    expect(seen.told.splice(0)).toEqual([{ kind: 'renewed' }])
    await clock.advance(15_000)
    expect(seen.told).toEqual([{ kind: 'lost', keys: [{ jobId: 'gone', epoch: 1 }] }])
  })

  it('tells when the database is out of reach, tries again soon, and tells when it is back', async () => {
    const { clock, seen, hold } = setUp()
    hold('a')
    seen.away = true
    await clock.advance(12_000)
    const troubles = seen.told.length
    expect(troubles).toBeGreaterThanOrEqual(2)
    expect(seen.told[0]).toMatchObject({ kind: 'trouble', jobs: 1 })
    seen.away = false
    await clock.advance(1_100)
    expect(seen.told.at(-1)).toEqual({ kind: 'renewed' })
    expect(seen.renewed).toEqual(['a'])
  })

  it('tells when another process has its id', async () => {
    const { clock, seen } = setUp()
    seen.registered = false
    await clock.advance(10_100)
    expect(seen.told[0]).toEqual({ kind: 'replaced' })
  })
})

describe('while the main thread is silent', () => {
  it('gives back what has not begun after one lease, and wakes others for it', async () => {
    const { clock, seen, hold, block } = setUp()
    block()
    const unbegun = hold('unbegun', 'mail')
    hold('begun').begin(200_000)
    await clock.advance(29_000)
    expect(seen.settled).toEqual([])
    await clock.advance(1_200)
    expect(seen.settled).toMatchObject([
      { jobId: 'unbegun', epoch: 1, ending: { kind: 'returned', delayMs: 0 }, durationMs: null },
    ])
    expect(seen.announced).toEqual([{ queues: ['mail'], schedules: false }])
    expect(unbegun.begin(1_000)).toBe(false)
    await clock.advance(60_000)
    expect(seen.warned).toHaveLength(1)
  })

  it('keeps a handler that is within its time-out and grace, and lets go one that is not', async () => {
    const { clock, seen, hold, block } = setUp()
    hold('short').begin(40_000)
    hold('long').begin(200_000)
    block()
    await clock.advance(100_000)
    seen.renewed = []
    await clock.advance(60_000)
    expect(new Set(seen.renewed)).toEqual(new Set(['long']))
    expect(seen.ended).toEqual([])
  })

  it('ends the process once no handler is within its limits', async () => {
    const { clock, seen, hold, block } = setUp()
    hold('short').begin(40_000)
    hold('long').begin(200_000)
    block()
    await clock.advance(199_000)
    expect(seen.ended).toEqual([])
    await clock.advance(2_000)
    expect(seen.ended).toHaveLength(1)
    await clock.advance(60_000)
    expect(seen.ended).toHaveLength(1)
  })

  it('does not end it before a whole lease has passed, however short the time-out', async () => {
    const { clock, seen, hold, block } = setUp()
    hold('short').begin(100)
    block()
    await clock.advance(29_000)
    expect(seen.ended).toEqual([])
    await clock.advance(2_000)
    expect(seen.ended).toHaveLength(1)
  })

  it('ends it after the longest silence where no handler runs', async () => {
    const { clock, seen, block } = setUp()
    block()
    await clock.advance(SILENCE_MS - 1_000)
    expect(seen.ended).toEqual([])
    await clock.advance(2_500)
    expect(seen.ended).toHaveLength(1)
  })

  it('goes on as before once it answers again', async () => {
    const { clock, seen, hold, block, goOn } = setUp()
    hold('a').begin(200_000)
    block()
    await clock.advance(100_000)
    goOn()
    await clock.advance(1_000)
    hold('b')
    await clock.advance(300_000)
    expect(seen.ended).toEqual([])
    expect(seen.settled).toEqual([])
    expect(seen.renewed.filter((id) => id === 'b').length).toBeGreaterThan(20)
  })

  it('does not count the time in which the whole process was stopped', async () => {
    const { clock, seen, hold, block } = setUp()
    hold('a').begin(1_000)
    block()
    for (let round = 0; round < 10; round += 1) {
      clock.standStill(60_000)
      await clock.advance(1)
    }
    expect(seen.ended).toEqual([])
    expect(seen.settled).toEqual([])
  })
})
