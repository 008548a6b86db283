import { beforeEach, expect, it } from 'vitest'
import { ANYTHING, type Announcement } from '../../../src/ports/wake-ups.ts'
import { storeSuite } from './store-suite.ts'

export const pausesSuite = storeSuite('pauses', (bed) => {
  beforeEach(async () => {
    await bed.database.sql('DELETE FROM crossdock_pauses')
  })

  const set = (address: string, paused: boolean, changedBy: string, reason: string | null = null) =>
    bed.store.pauses.set({ address, paused, changedBy, reason })

  it('are remembered: who, when and why', async () => {
    expect(await bed.store.pauses.list()).toEqual([])
    const before = Date.now()
    const written = await set('mqtt:temps', true, 'ada', `a 'quoted' reason 😀`)
    expect(written).toMatchObject({
      address: 'mqtt:temps',
      paused: true,
      changedBy: 'ada',
      reason: `a 'quoted' reason 😀`,
    })
    expect(Math.abs(written.changedOn.getTime() - before)).toBeLessThan(60_000)
    await set('queue:mail', true, 'bob')
    const other = bed.database.openStore()
    const all = await other.pauses.list()
    await other.close()
    expect(all).toHaveLength(2)
    expect(all[0]).toEqual(written)
    expect(all[1]).toMatchObject({ address: 'queue:mail', changedBy: 'bob', reason: null })
  })

  it('stay the first one’s who asked, until somebody resumes', async () => {
    const first = await set('queue:mail', true, 'ada', 'the server moves')
    expect(await set('queue:mail', true, 'bob', 'me too')).toEqual(first)
    const resumed = await set('queue:mail', false, 'bob')
    expect(resumed).toMatchObject({ paused: false, changedBy: 'bob', reason: null })
    expect(resumed.changedOn.getTime()).toBeGreaterThanOrEqual(first.changedOn.getTime())
    // It stays: it also says no to a configuration.
    expect(await bed.store.pauses.list()).toEqual([resumed])
    expect(await set('queue:mail', true, 'cyd')).toMatchObject({ paused: true, changedBy: 'cyd' })
  })

  it('are of one address exactly', async () => {
    await set('queue:Ab', true, 'ada')
    await set('queue:ab', false, 'ada')
    await set('queue:ab ', true, 'ada')
    const all = await bed.store.pauses.list()
    expect(new Map(all.map(({ address, paused }) => [address, paused]))).toEqual(
      new Map([
        ['queue:Ab', true],
        ['queue:ab', false],
        ['queue:ab ', true],
      ]),
    )
  })

  it('asked for by many at once have one asker', async () => {
    const names = Array.from({ length: 8 }, (_, index) => `somebody-${index}`)
    const answers = await Promise.all(names.map((name) => set('queue:mail', true, name)))
    expect(new Set(answers.map(({ changedBy }) => changedBy)).size).toBe(1)
  })

  it('are announced to other instances', async ({ skip }) => {
    if (!bed.server.announces) return skip('this database announces nothing')
    const other = bed.database.openStore()
    const heard: Announcement[] = []
    const listening = await other.listen((said) => heard.push(said))
    await bed.store.announce({ queues: [], schedules: false, pauses: true })
    await expect
      .poll(() => heard, { timeout: 1_000, interval: 10 })
      .toEqual([ANYTHING, { queues: [], schedules: false, pauses: true }])
    await listening.stop()
    await other.close()
  })
})
