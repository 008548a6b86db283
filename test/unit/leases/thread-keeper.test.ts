import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/app/system-clock.ts'
import { createThreadKeeper } from '../../../src/leases/thread-keeper.ts'
import type { LeaseKeeper } from '../../../src/ports/lease-keeper.ts'
import { recordingLog } from '../../integration/worker/recording-log.ts'

let keeper: LeaseKeeper | undefined

afterEach(async () => {
  await keeper?.stop()
})

/** A keeper whose thread only echoes. */
function setUp() {
  const log = recordingLog()
  const told = { lost: [] as string[], troubles: 0 }
  const made = createThreadKeeper({
    settings: { owner: 'me', token: 't', leaseMs: 30_000, silenceMs: 60_000 },
    script: new URL('./echoing-thread.ts', import.meta.url),
    data: { failures: new SharedArrayBuffer(4) },
    clock: systemClock,
    log,
  })
  keeper = made
  made.start({
    onLost: (keys) => told.lost.push(...keys.map(({ jobId, epoch }) => `${jobId}:${epoch}`)),
    onTrouble: () => (told.troubles += 1),
    onReplaced: () => undefined,
  })
  const hold = (...jobIds: string[]) =>
    made.hold({ queue: 'q', keys: jobIds.map((jobId) => ({ jobId, epoch: 1 })), ageMs: 0 })
  return { keeper: made, told, log, hold }
}

const SOON = { timeout: 4_000, interval: 10 }

describe('the thread that renews leases', () => {
  it('is told of each claim by one message, in order', async () => {
    const { told, hold } = setUp()
    hold('a', 'b')
    hold('c')
    await expect.poll(() => told.lost, SOON).toEqual(['a:1', 'b:1', 'c:1'])
  })

  it('is started again when it fails, told once, and told again of what is held', async () => {
    const { keeper: made, told, log, hold } = setUp()
    hold('kept')
    const [ended] = hold('ended')
    await expect.poll(() => told.lost, SOON).toEqual(['kept:1', 'ended:1'])
    ended?.end()
    hold('fail')
    await expect.poll(() => made.health().status, SOON).toBe('degraded')
    // Its error is heard before its end.
    await expect.poll(() => told.troubles, SOON).toBe(1)
    told.lost.length = 0
    await expect.poll(() => told.lost.toSorted(), SOON).toEqual(['fail:1', 'kept:1'])
    await expect.poll(() => made.health(), SOON).toEqual({ status: 'ok', facts: { held: 2 } })
    expect(log.lines.map(({ level }) => level)).toEqual(['error', 'info'])
  })

  it('gives each execution a slot of its own, also when there are many and they come and go', () => {
    const { hold } = setUp()
    const first = Array.from({ length: 5_000 }, (_, index) => `job-${index}`)
    const leases = hold(...first)
    for (const lease of leases.slice(0, 2_500)) lease.end()
    const more = hold(...first.slice(0, 4_000).map((id) => `${id}-again`))
    for (const lease of [...leases.slice(2_500), ...more]) expect(lease.begin(1_000)).toBe(true)
    // Of an execution that has ended, nothing begins.
    for (const lease of leases.slice(0, 2_500)) expect(lease.begin(1_000)).toBe(false)
  })

  it('ends, and may be asked to twice', async () => {
    const { keeper: made, hold } = setUp()
    hold('a')
    await Promise.all([made.stop(), made.stop()])
  })
})
