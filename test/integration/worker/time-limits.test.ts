import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { STATUS } from '../../../src/domain/status.ts'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import { until, useWorkers } from './harness.ts'

const harness = useWorkers()
const ONE_WORKER = { pools: [{ name: 'rest', workers: 1 }] }
const forever = (): Promise<never> => new Promise(() => undefined)

describe('a handler that takes too long', () => {
  it('is told by its signal, and tried again', async () => {
    const reasons: unknown[] = []
    await harness.start([
      defineHandler({
        name: 'h',
        timeoutMs: 100,
        run: ({ signal, job }) =>
          job.attempt > 1
            ? 'in time'
            : new Promise((_, reject) => {
                signal.addEventListener('abort', () => {
                  reasons.push(signal.reason)
                  reject(new Error('stopped halfway'))
                })
              }),
      }),
    ])
    const id = await harness.insert({ handler: 'h' })
    const job = await harness.untilStatus(id, STATUS.completed)
    expect(reasons).toMatchObject([{ code: 'handler_timeout' }])
    expect(job).toMatchObject({ retrycount: 1 })
    const [first] = await harness.history(id)
    expect(first).toMatchObject({ statusid: 4, metadata: { willretry: true } })
    expect(first!['errormessage']).toContain('longer than 0.1 s')
    expect(Number(first!['duration'])).toBeGreaterThanOrEqual(90)
  })

  it('has failed too when it returns all the same, and its effect is undone', async () => {
    await harness.query('CREATE TABLE effects (id text)')
    await harness.start([
      defineHandler({
        name: 'h',
        maxRetries: 0,
        timeoutMs: 100,
        async run({ tx, signal }) {
          await tx.sql`insert into effects values ('late')`
          await new Promise((resolve) => {
            signal.addEventListener('abort', resolve)
          })
          return 'late'
        },
      }),
    ])
    const id = await harness.insert({ handler: 'h' })
    const job = await harness.untilStatus(id, STATUS.failed)
    expect(job).toMatchObject({ deadreason: 'retries_exhausted', result: null })
    expect(await harness.query('SELECT * FROM effects')).toEqual([])
  })

  it('loses its slot after the grace period when it does not listen, and can commit nothing later', async () => {
    await harness.query('CREATE TABLE effects (id text)')
    const wakeUp = Promise.withResolvers<undefined>()
    const late: unknown[] = []
    await harness.start(
      [
        defineHandler({
          name: 'deaf',
          maxRetries: 0,
          async run({ tx, enqueue, progress }) {
            await tx.sql`insert into effects values ('early')`
            await wakeUp.promise
            for (const use of [
              () => tx.sql`insert into effects values ('late')`,
              () => tx.client(),
              () => enqueue('next'),
            ]) {
              late.push(await use().catch((error: unknown) => error))
            }
            await progress(50, 100)
            return 'late'
          },
        }),
        defineHandler({ name: 'next', run: () => 1 }),
      ],
      { ...ONE_WORKER, graceMs: 200 },
    )
    const id = await harness.insert({ handler: 'deaf', timeout: 1 })
    const next = await harness.insert({ handler: 'next' })
    await harness.untilStatus(next, STATUS.completed)
    const job = await harness.untilStatus(id, STATUS.failed)
    wakeUp.resolve(undefined)
    await until(() => late.length === 3, 'the handler goes on')
    expect(late).toMatchObject([
      { code: 'handler_timeout' },
      { code: 'handler_timeout' },
      { code: 'handler_timeout' },
    ])
    expect(await harness.query('SELECT * FROM effects')).toEqual([])
    expect(await harness.history(id)).toHaveLength(1)
    expect(await harness.job(id)).toMatchObject({ statusid: 4, leaseepoch: job['leaseepoch'] })
  })

  it('loses its slot also when its statement hangs on a lock of somebody else', async () => {
    await harness.query(`CREATE TABLE effects (id int); INSERT INTO effects VALUES (1)`)
    const other = await harness.connect()
    await other.query('BEGIN; LOCK TABLE effects')
    await harness.start(
      [
        defineHandler({
          name: 'h',
          maxRetries: 0,
          timeoutMs: 100,
          run: ({ tx }) => tx.sql`update effects set id = 2`,
        }),
        defineHandler({ name: 'next', run: () => 1 }),
      ],
      { ...ONE_WORKER, graceMs: 100 },
    )
    const id = await harness.insert({ handler: 'h' })
    const next = await harness.insert({ handler: 'next' })
    await harness.untilStatus(next, STATUS.completed)
    await harness.untilStatus(id, STATUS.failed)
    // Its statement no longer waits on the server.
    await until(async () => {
      const [row] = await harness.query(
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE 'update effects%'`,
      )
      return row!['n'] === 0
    }, 'the end of the hanging statement')
    await other.query('ROLLBACK')
    expect(await harness.query('SELECT * FROM effects')).toEqual([{ id: 1 }])
  })

  it('loses its slot also when what hangs is its input schema', async () => {
    await harness.start(
      [
        defineHandler({
          name: 'h',
          maxRetries: 0,
          timeoutMs: 100,
          input: z.unknown().refine(forever),
          run: () => 1,
        }),
        defineHandler({ name: 'next', run: () => 1 }),
      ],
      { ...ONE_WORKER, graceMs: 100 },
    )
    const id = await harness.insert({ handler: 'h' })
    const next = await harness.insert({ handler: 'next' })
    await harness.untilStatus(next, STATUS.completed)
    await harness.untilStatus(id, STATUS.failed)
  })

  it('loses its slot also when it returned a promise of another make', async () => {
    await harness.start(
      [
        defineHandler({
          name: 'h',
          maxRetries: 0,
          timeoutMs: 100,
          run: () => ({ then: () => undefined }),
        }),
        defineHandler({ name: 'next', run: () => 1 }),
      ],
      { ...ONE_WORKER, graceMs: 100 },
    )
    const id = await harness.insert({ handler: 'h' })
    const next = await harness.insert({ handler: 'next' })
    await harness.untilStatus(next, STATUS.completed)
    await harness.untilStatus(id, STATUS.failed)
  })
})

describe('a time-out', () => {
  it('is the row’s before the handler’s, and may be months', async () => {
    await harness.start([
      defineHandler({
        name: 'h',
        timeoutMs: 20,
        run: async () => {
          await new Promise((resolve) => setTimeout(resolve, 60))
          return 'done'
        },
      }),
    ])
    // More milliseconds than a timer takes.
    const id = await harness.insert({ handler: 'h', timeout: 30 * 86_400, maxretries: 0 })
    expect(await harness.untilStatus(id, STATUS.completed)).toMatchObject({ result: '"done"' })
  })
})
