import { expect, it } from 'vitest'
import { outboundJob } from '../../../src/domain/outbound.ts'
import type { ExpiredJob } from '../../../src/ports/store.ts'
import { claimNew, insert, newJob, settlement } from './jobs.ts'
import { storeSuite } from './store-suite.ts'

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

export const outboundSuite = storeSuite('outbound messages', (bed) => {
  const message = (columns: object = {}): ReturnType<typeof newJob> =>
    newJob({
      ...outboundJob({ id: newJob().id, protocol: 'kafka', publication: 'orders' }),
      ...columns,
    })

  it('are claimed with what goes along', async () => {
    const claimed = await claimNew(
      bed.store,
      message({ traceparent: TRACE, correlationId: 'c', headers: { a: 'b' } }),
    )
    expect(claimed).toMatchObject({
      queue: 'kafka:orders',
      protocol: 'kafka',
      method: 'orders',
      traceparent: TRACE,
      correlationId: 'c',
    })
  })

  it('keep what the far side answered, also of a failed attempt', async () => {
    const answered = await claimNew(bed.store, message())
    const refused = await claimNew(bed.store, message())
    const retry = { kind: 'retry', error: 'e', delayMs: 60_000, lowerPriority: false } as const
    await bed.store.settle([
      settlement(answered, { kind: 'completed', result: '{}' }, { outputData: '{"offset":"7"}' }),
      settlement(refused, retry, { outputData: '429 später' }),
    ])
    const inTransaction = await claimNew(bed.store, message())
    await bed.store.openTransaction().commit({
      settlement: settlement(inTransaction, undefined, { outputData: 'kept too' }),
      jobs: [],
    })
    const rows = await bed.database.sql('SELECT jobid, outputdata FROM job_histories')
    const byJob = new Map(rows.map((row) => [row['jobid'], row['outputdata']]))
    expect(byJob.get(answered.jobId)).toBe('{"offset":"7"}')
    expect(byJob.get(refused.jobId)).toBe('429 später')
    expect(byJob.get(inTransaction.jobId)).toBe('kept too')
  })

  it('that a dead process held are recovered by their publication', async () => {
    await claimNew(bed.store, message(), { leaseMs: -1_000 })
    const asked: ExpiredJob[] = []
    await bed.store.recoverExpired({
      limit: 10,
      executedBy: 'me',
      decide: (job) => {
        asked.push(job)
        return { kind: 'returned', delayMs: 0 }
      },
    })
    expect(asked).toMatchObject([{ protocol: 'kafka', method: 'orders' }])
  })

  it('to publications that nobody has are named, each once', async () => {
    await insert(
      bed.store,
      message(),
      message(),
      message({ method: 'Orders', queue: 'kafka:Orders' }),
      message({ method: 'later', queue: 'kafka:later', delayMs: 60_000 }),
      newJob({ handler: 'another' }),
    )
    const missing = await bed.store.missingPublications(['kafka:orders'])
    expect([...missing].sort()).toEqual(['kafka:Orders', 'kafka:later'])
    expect(await bed.store.missingPublications([])).toHaveLength(3)
  })
})
