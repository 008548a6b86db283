import { expect, it } from 'vitest'
import type { Announcement } from '../../../src/ports/wake-ups.ts'
import { CLAIM, claimNew, codeOf, insert, newJob, settlement } from './jobs.ts'
import { storeSuite } from './store-suite.ts'

export const outageSuite = storeSuite('an outage of the server', (bed) => {
  it('is told by every method within 10 s, and over once the server is back', async ({ skip }) => {
    const { store, server } = bed
    if (!server.controllable) return skip('the server is not ours to stop')
    const running = await claimNew(store)
    const transaction = store.openTransaction()
    await transaction.query('SELECT 1', [])
    const heard: Announcement[] = []
    const listening = await store.listen((said) => heard.push(said))

    await server.kill()
    const end = settlement(running)
    const key = { jobId: running.jobId, epoch: running.epoch }
    const progress = { current: 1, total: 2, message: null }
    const calls: Readonly<Record<string, () => Promise<unknown>>> = {
      insertJobs: () => insert(store, newJob()),
      claim: () => store.claim(CLAIM),
      readyQueues: () => store.readyQueues(),
      readPayload: () => store.readPayload(key),
      begin: () => store.begin([key]),
      settle: () => store.settle([end]),
      settled: () => store.settled([key]),
      updateProgress: () => store.updateProgress([{ ...key, progress }]),
      promoteDue: () => store.promoteDue({ limit: 1 }),
      renew: () => store.renew({ keys: [key], leaseMs: 1_000 }),
      recoverExpired: () =>
        store.recoverExpired({ limit: 1, executedBy: 'r', decide: () => end.ending }),
      findJob: () => store.findJob(running.jobId),
      listExecutions: () => store.listExecutions(running.jobId),
      queueDepths: () => store.queueDepths(),
      missingHandlers: () => store.missingHandlers([]),
      missingPublications: () => store.missingPublications([]),
      ping: () => store.ping(),
      due: () => store.schedules.due({ limit: 1, after: null }),
      reopen: () => store.schedules.reopen(),
      overview: () => store.schedules.overview({ errors: 1 }),
      ...(server.announces && {
        announce: () => store.announce({ queues: ['q'], schedules: false }),
      }),
      commit: () => transaction.commit({ settlement: end, jobs: [] }),
      openTransaction: () => store.openTransaction().commit({ settlement: end, jobs: [] }),
    }
    const from = performance.now()
    const codes = await Promise.all(
      Object.entries(calls).map(async ([name, call]) => [name, await codeOf(call())]),
    )
    expect(performance.now() - from).toBeLessThan(10_000)
    expect(codes).toEqual(Object.keys(calls).map((name) => [name, 'database_unavailable']))
    await transaction.rollback()

    await server.restart()
    expect((await store.ping()).version).toMatch(/\d/)
    await insert(store, newJob({ id: 'after' }))
    const claimed = await store.claim(CLAIM)
    expect(claimed.map(({ jobId }) => jobId)).toEqual(['after'])
    const next = store.openTransaction()
    await next.commit({ settlement: settlement(claimed[0]!), jobs: [] })
    expect(await store.findJob('after')).toMatchObject({ status: 'completed' })
    await expect.poll(() => heard.length, { timeout: 10_000 }).toBe(2)
    await listening.stop()
  })
})
