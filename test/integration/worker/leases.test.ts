import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../src/domain/status.ts'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import { until, useWorkers } from './harness.ts'

const harness = useWorkers()
const quick = defineHandler({ name: 'quick', run: ({ job }) => job.attempt })

/** Leaves a job as a process that died with it does. */
async function orphan(row: {
  readonly begun: boolean
  readonly maxretries?: number
  readonly handler?: string
}): Promise<string> {
  return await harness.insert({
    handler: row.handler ?? 'quick',
    statusid: 2,
    leaseepoch: 3,
    lockedby: 'dead',
    leaseexpiresat: new Date(Date.now() - 60_000),
    startedat: row.begun ? new Date(Date.now() - 90_000) : null,
    maxretries: row.maxretries ?? null,
  })
}

describe('the jobs of a process that died', () => {
  it('run elsewhere within two leases; those that had begun have a history row and an attempt', async () => {
    const begun = await orphan({ begun: true })
    const unbegun = await orphan({ begun: false })
    const instance = await harness.start([quick], { leaseMs: 1_000 })
    expect(await harness.untilStatus(unbegun, STATUS.completed)).toMatchObject({
      retrycount: 0,
      result: '1',
    })
    expect(await harness.history(unbegun)).toMatchObject([{ statusid: 3 }])
    expect(await harness.untilStatus(begun, STATUS.completed)).toMatchObject({
      retrycount: 1,
      result: '2',
      recoveries: 0,
    })
    const history = await harness.history(begun)
    expect(history).toMatchObject([
      {
        statusid: 4,
        leaseepoch: 3,
        retryattempt: 0,
        executedby: 'dead',
        metadata: { willretry: true },
      },
      { statusid: 3, retryattempt: 1 },
    ])
    expect(history[0]!['errormessage']).toContain('died or hung (dead)')
    expect(Number(history[0]!['duration'])).toBeGreaterThan(60_000)
    expect(instance.logged.filter((line) => line.level === 'warn')).toHaveLength(1)
  })

  it('are not touched before a whole lease has passed', async () => {
    const id = await orphan({ begun: true })
    const from = performance.now()
    await harness.start([quick], { leaseMs: 1_500 })
    await harness.untilStatus(id, STATUS.completed)
    expect(performance.now() - from).toBeGreaterThanOrEqual(1_500)
  })

  it('fail for good when the attempt was their last', async () => {
    const id = await orphan({ begun: true, maxretries: 0 })
    await harness.start([quick], { leaseMs: 1_000 })
    const job = await harness.untilStatus(id, STATUS.failed)
    expect(job).toMatchObject({ deadreason: 'retries_exhausted' })
    expect(await harness.history(id)).toMatchObject([
      { statusid: 4, metadata: { willretry: false } },
    ])
  })

  it('begin in writing before their handler starts', async () => {
    let seen: unknown
    const id = await orphan({ begun: false, handler: 'look' })
    await harness.start(
      [
        defineHandler({
          name: 'look',
          run: async ({ job }) => {
            seen = (await harness.job(job.id))['startedat']
          },
        }),
      ],
      { leaseMs: 1_000 },
    )
    await harness.untilStatus(id, STATUS.completed)
    expect(seen).toBeInstanceOf(Date)
  })

  it('are left alone while their lease lasts, and while somebody has their row', async () => {
    const id = await orphan({ begun: true })
    const alive = await orphan({ begun: true })
    await harness.query(
      `UPDATE queue_jobs SET leaseexpiresat = clock_timestamp() + interval '1 hour' WHERE id = $1`,
      [alive],
    )
    const other = await harness.connect()
    await other.query('BEGIN')
    await other.query('SELECT FROM queue_jobs WHERE id = $1 FOR UPDATE', [id])
    const free = await orphan({ begun: true })
    await harness.start([quick], { leaseMs: 1_000 })
    await harness.untilStatus(free, STATUS.completed)
    expect(await harness.job(id)).toMatchObject({ statusid: 2, leaseepoch: 3 })
    await other.query('COMMIT')
    await harness.untilStatus(id, STATUS.completed)
    expect(await harness.job(alive)).toMatchObject({ statusid: 2, leaseepoch: 3 })
  })
})

describe('the lease of a live job', () => {
  it('is kept for longer than three leases, though another instance watches', async () => {
    let runs = 0
    const long = defineHandler({
      name: 'long',
      run: async () => {
        runs += 1
        await new Promise((resolve) => setTimeout(resolve, 3_500))
      },
    })
    await harness.start([long], { leaseMs: 1_000 })
    await harness.start([long], { leaseMs: 1_000 })
    const id = await harness.insert({ handler: 'long' })
    const job = await harness.untilStatus(id, STATUS.completed)
    expect(runs).toBe(1)
    expect(job).toMatchObject({ retrycount: 0, leaseepoch: 2 })
    expect(await harness.history(id)).toHaveLength(1)
  })

  it('is not taken by the instance itself after its event loop stood still for longer than a lease', async () => {
    let runs = 0
    await harness.start(
      [
        defineHandler({
          name: 'busy',
          run: async () => {
            runs += 1
            await new Promise((resolve) => setTimeout(resolve, 200))
            // The loop stands still, and takes no processor from the other tests.
            Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_500)
            await new Promise((resolve) => setTimeout(resolve, 700))
            return 'done'
          },
        }),
      ],
      { leaseMs: 1_000 },
    )
    // Others are past the lease in which an instance recovers nothing.
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    const id = await harness.insert({ handler: 'busy' })
    const job = await harness.untilStatus(id, STATUS.completed)
    expect(job).toMatchObject({ result: '"done"', retrycount: 0 })
    expect(runs).toBe(1)
  })
})

describe('an execution that lost its job', () => {
  it('is told when the same instance is given the job again', async () => {
    const reasons: unknown[] = []
    let runs = 0
    await harness.start(
      [
        defineHandler({
          name: 'h',
          run: ({ signal }) => {
            runs += 1
            if (runs > 1) return 'second'
            return new Promise((_, reject) => {
              signal.addEventListener('abort', () => {
                reasons.push(signal.reason)
                reject(new Error('stopped'))
              })
            })
          },
        }),
      ],
      { leaseMs: 3_000 },
    )
    const id = await harness.insert({ handler: 'h' })
    await until(() => runs === 1, 'the first run')
    await harness.query(
      `UPDATE queue_jobs SET statusid = 0, leaseepoch = leaseepoch + 1, lockedby = NULL WHERE id = $1`,
      [id],
    )
    await harness.insert({ handler: 'none' })
    const job = await harness.untilStatus(id, STATUS.completed)
    expect(job).toMatchObject({ result: '"second"' })
    await until(() => reasons.length === 1, 'the signal of the first run')
    expect(reasons).toMatchObject([{ code: 'lease_lost' }])
    expect(await harness.history(id)).toHaveLength(1)
  })

  it('is not even begun with the payload of nobody', async () => {
    const inputs: unknown[] = []
    const go = Promise.withResolvers<undefined>()
    const instance = await harness.start(
      [
        defineHandler({ name: 'block', run: () => go.promise }),
        defineHandler({ name: 'large', run: ({ input }) => void inputs.push(typeof input) }),
      ],
      { pools: [{ name: 'rest', workers: 2 }] },
    )
    // Both are claimed at once, and the large one's row changes hands before it is read.
    const readPayload = instance.store.readPayload.bind(instance.store)
    Object.assign(instance.store, {
      readPayload: async (key: Parameters<typeof readPayload>[0]) => {
        await harness.query(
          `UPDATE queue_jobs SET leaseepoch = leaseepoch + 1,
             leaseexpiresat = clock_timestamp() + interval '1 hour' WHERE id = $1`,
          [key.jobId],
        )
        return await readPayload(key)
      },
    })
    const id = await harness.insert({ handler: 'large', payload: 'x'.repeat(20_000) })
    await until(async () => Number((await harness.job(id))['leaseepoch']) === 2, 'the loss')
    await until(() => instance.workers.statistics().held === 0, 'the job is dropped')
    expect(inputs).toEqual([])
    go.resolve(undefined)
  })
})
