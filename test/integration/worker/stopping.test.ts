import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../src/domain/status.ts'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import { until, useWorkers } from './harness.ts'

const harness = useWorkers()

async function count(where: string): Promise<number> {
  const [row] = await harness.query(`SELECT count(*)::int AS n FROM queue_jobs WHERE ${where}`)
  return Number(row!['n'])
}

describe('a shutdown', () => {
  it('lets running handlers finish, and gives back at once what has not begun', async () => {
    const go = Promise.withResolvers<undefined>()
    const block = defineHandler({ name: 'block', run: () => go.promise })
    await harness.query(
      `INSERT INTO queue_jobs (handler) SELECT 'quick' FROM generate_series(1, 100)`,
    )
    const quick = defineHandler({ name: 'quick', run: () => 1 })
    const instance = await harness.start([block, quick], { pools: [{ name: 'rest', workers: 2 }] })
    // After a burst it claims more than it has workers.
    await until(async () => (await count('statusid = 3')) === 100, 'the burst')
    await harness.query(
      `INSERT INTO queue_jobs (handler) SELECT 'block' FROM generate_series(1, 30)`,
    )
    await until(() => instance.workers.statistics().held > 2, 'jobs that wait for a worker')
    const stopped = instance.stop(10_000)
    // At once: what waits for 2 s is given back in any case.
    await until(
      async () => (await count('statusid = 2')) === 2,
      'the waiting ones are given back',
      1_500,
    )
    expect(await count(`handler = 'block' AND statusid = 0 AND lockedby IS NULL`)).toBe(28)
    // Nothing more is begun, though there is work.
    const late = await harness.insert({ handler: 'quick' })
    go.resolve(undefined)
    await stopped
    expect(await count(`handler = 'block' AND statusid = 3`)).toBe(2)
    expect(await harness.job(late)).toMatchObject({ statusid: 0, leaseepoch: 0 })
    expect(await count('statusid = 2')).toBe(0)
    const [histories] = await harness.query(
      `SELECT count(*)::int AS n FROM job_histories h JOIN queue_jobs j ON j.id = h.jobid
       WHERE j.statusid = 0`,
    )
    expect(histories).toEqual({ n: 0 })
    expect(await count('retrycount > 0')).toBe(0)
  })

  it('tells handlers that take too long, and gives their jobs back with a history row', async () => {
    let reason: unknown
    let listens = false
    await harness.query('CREATE TABLE effects (id text)')
    const instance = await harness.start([
      defineHandler({
        name: 'h',
        run: async ({ signal, tx }) => {
          await tx.sql`insert into effects values ('half')`
          await new Promise((_, reject) => {
            signal.addEventListener('abort', () => {
              reason = signal.reason
              reject(new Error('stopped'))
            })
            listens = true
          })
        },
      }),
    ])
    const id = await harness.insert({ handler: 'h' })
    await harness.untilStatus(id, STATUS.processing)
    await until(() => listens, 'the handler')
    await instance.stop(100)
    expect(reason).toMatchObject({ code: 'instance_stopping' })
    expect(await harness.job(id)).toMatchObject({
      statusid: 0,
      retrycount: 0,
      lockedby: null,
      lasterror: null,
    })
    expect(await harness.history(id)).toMatchObject([{ statusid: 0, retryattempt: 0 }])
    expect(await harness.query('SELECT * FROM effects')).toEqual([])
  })

  it('gives back also the job of a handler that does not listen', async () => {
    const instance = await harness.start(
      [defineHandler({ name: 'deaf', run: () => new Promise<never>(() => undefined) })],
      { graceMs: 60_000 },
    )
    const id = await harness.insert({ handler: 'deaf', maxretries: 0 })
    await until(() => instance.workers.statistics().running === 1, 'the handler')
    await instance.stop(100)
    expect(await harness.job(id)).toMatchObject({ statusid: 0, retrycount: 0, lockedby: null })
    expect(await harness.history(id)).toMatchObject([{ statusid: 0 }])
  })

  it('leaves nothing of a claim that was under way', async () => {
    const instance = await harness.start([defineHandler({ name: 'h', run: () => 1 })])
    const other = await harness.connect()
    await harness.insert({ handler: 'h' })
    await until(async () => (await count('statusid = 3')) === 1, 'a worker that works')
    // Holds the claim up on its way, and lets it through when the shutdown is under way.
    const claim = instance.store.claim.bind(instance.store)
    const claimed = Promise.withResolvers<undefined>()
    Object.assign(instance.store, {
      claim: async (request: Parameters<typeof claim>[0]) => {
        const jobs = await claim(request)
        if (jobs.length > 0) {
          claimed.resolve(undefined)
          await new Promise((resolve) => setTimeout(resolve, 300))
        }
        return jobs
      },
    })
    await other.query(`INSERT INTO queue_jobs (handler) VALUES ('h')`)
    await claimed.promise
    await instance.stop()
    expect(await count('statusid = 2')).toBe(0)
    expect(await count('statusid = 0')).toBe(1)
  })

  it('wakes another instance for what it gives back', async () => {
    const slow = defineHandler({
      name: 'h',
      run: ({ signal, job }) =>
        job.metadata['first'] === true
          ? new Promise<never>((_, reject) => {
              signal.addEventListener('abort', () => {
                reject(new Error('stopped'))
              })
            })
          : 1,
    })
    const first = await harness.start([slow])
    const id = await harness.insert({ handler: 'h', metadata: { first: true } })
    await until(() => first.workers.statistics().running === 1, 'the handler')
    let ran = false
    await harness.start([defineHandler({ name: 'h', run: () => void (ran = true) })])
    await first.stop(50)
    // It looks by itself once a minute only.
    await until(() => ran, 'the other instance', 3_000)
    await harness.untilStatus(id, STATUS.completed)
  })

  it('may be asked for twice', async () => {
    const instance = await harness.start([])
    const [first, second] = [instance.workers.stop(100), instance.workers.stop(100)]
    await first
    await second
  })
})
