import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ANYTHING, type Announcement } from '../../../src/ports/wake-ups.ts'
import { CLAIM, claimNew, insert, newJob, settlement } from './jobs.ts'
import { storeSuite } from './store-suite.ts'

/** What another program's INSERT announces. */
const ANY_QUEUE: Announcement = { queues: null, schedules: false }

function only(queue: string): Announcement {
  return { queues: [queue], schedules: false }
}

const WITHIN_A_SECOND = { timeout: 1_000, interval: 10 }

export const announceSuite = storeSuite('announcements', (bed) => {
  const stops: (() => Promise<void>)[] = []

  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop()
  })

  beforeEach(({ skip }) => {
    if (!bed.server.announces) skip('this database announces nothing')
  })

  /** What another instance hears, from the moment it listens. */
  async function heardElsewhere(): Promise<Announcement[]> {
    const store = bed.database.openStore()
    const heard: Announcement[] = []
    const listening = await store.listen((said) => heard.push(said))
    stops.push(async () => {
      await listening.stop()
      await store.close()
    })
    expect(heard.splice(0)).toEqual([ANYTHING])
    return heard
  }

  it('reach other instances', async () => {
    const [one, two] = [await heardElsewhere(), await heardElsewhere()]
    const queues = ['a', `b "c" 'd'`, 'é😀']
    await bed.store.announce({ queues, schedules: true })
    await expect.poll(() => one, WITHIN_A_SECOND).toEqual([{ queues, schedules: true }])
    await expect.poll(() => two, WITHIN_A_SECOND).toEqual([{ queues, schedules: true }])
  })

  it('say "any queue" where the names would not fit', async () => {
    const heard = await heardElsewhere()
    await bed.store.announce({
      queues: Array.from({ length: 1_000 }, (_, index) => `queue-${index}`),
      schedules: false,
    })
    await expect.poll(() => heard, WITHIN_A_SECOND).toEqual([ANY_QUEUE])
  })

  it('come from plain INSERTs and changes of other programs', async () => {
    const heard = await heardElsewhere()
    await bed.database.sql(`INSERT INTO queue_jobs (id, handler) VALUES ('plain', 'h')`)
    await expect.poll(() => heard.splice(0), WITHIN_A_SECOND).toEqual([ANY_QUEUE])
    await bed.database.sql(`UPDATE queue_jobs SET queue = 'other' WHERE id = 'plain'`)
    await expect.poll(() => heard.splice(0), WITHIN_A_SECOND).toEqual([ANY_QUEUE])
  })

  it('come from a handler’s plain INSERT, with its commit', async () => {
    const heard = await heardElsewhere()
    const job = await claimNew(bed.store)
    const transaction = bed.store.openTransaction()
    await transaction.query(`INSERT INTO queue_jobs (handler) VALUES ('h')`, [])
    await transaction.commit({ settlement: settlement(job), jobs: [] })
    await expect.poll(() => heard, WITHIN_A_SECOND).toEqual([ANY_QUEUE])
  })

  it('are not made by the store’s own statements, which would take turns at COMMIT', async () => {
    const heard = await heardElsewhere()
    await insert(bed.store, newJob(), newJob({ delayMs: 0 }))
    const [first, second] = await bed.store.claim(CLAIM)
    await bed.store.settle([settlement(first!, { kind: 'snoozed', delayMs: 0 })])
    await bed.store.promoteDue({ limit: 1 })
    const transaction = bed.store.openTransaction()
    await transaction.query('SELECT 1', [])
    await transaction.commit({ settlement: settlement(second!), jobs: [newJob()] })
    await bed.store.announce(only('last'))
    await expect.poll(() => heard.at(-1), WITHIN_A_SECOND).toEqual(only('last'))
    expect(heard).toEqual([only('last')])
  })

  it('are heard again after the connection was lost, with a word that some may be missing', async () => {
    const heard = await heardElsewhere()
    await bed.database.breakConnections()
    await expect.poll(() => heard.splice(0), { timeout: 5_000, interval: 10 }).toEqual([ANYTHING])
    await bed.store.announce(only('again'))
    await expect.poll(() => heard, WITHIN_A_SECOND).toEqual([only('again')])
  })

  it('are not heard after the listening has stopped, and nothing is left running', async () => {
    const made = vi.spyOn(globalThis, 'setInterval')
    const cleared = vi.spyOn(globalThis, 'clearInterval')
    const heard = await heardElsewhere()
    for (const stop of stops.splice(0)) await stop()
    await bed.database.sql(`INSERT INTO queue_jobs (handler) VALUES ('h')`)
    await bed.store.ping()
    expect(heard).toEqual([])
    const count = made.mock.results.length
    const left = made.mock.results.filter(
      ({ value }) => !cleared.mock.calls.some(([timer]) => timer === value),
    )
    vi.restoreAllMocks()
    expect(count).toBeGreaterThan(0)
    expect(left).toEqual([])
  })
})
