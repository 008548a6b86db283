import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { cancel, snooze } from '../../../src/domain/outcome.ts'
import { STATUS } from '../../../src/domain/status.ts'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import { until, useWorkers } from './harness.ts'

const harness = useWorkers()

describe('a handler that returns', () => {
  it('completes its job, with its result and one row of history', async () => {
    const hello = defineHandler({
      name: 'hello',
      input: z.object({ name: z.string() }),
      run: ({ input }) => ({ greeting: `Hello, ${input.name}` }),
    })
    await harness.start([hello])
    const id = await harness.insert({ handler: 'hello', payload: { name: 'Ada' } })
    const job = await harness.untilStatus(id, STATUS.completed)
    expect(job).toMatchObject({
      result: '{"greeting":"Hello, Ada"}',
      progress: 100,
      lockedby: null,
      leaseexpiresat: null,
      retrycount: 0,
      leaseepoch: 2,
    })
    const history = await harness.history(id)
    expect(history).toMatchObject([
      { statusid: 3, result: '{"greeting":"Hello, Ada"}', retryattempt: 0, executionid: `${id}:1` },
    ])
    expect(history[0]?.['executedby']).toMatch(/^instance-\d+\/rest-\d$/)
    expect(Number(history[0]?.['duration'])).toBeLessThan(1_000)
  })

  it.each([
    ['nothing', undefined, null],
    ['null', null, 'null'],
    ['a text with NUL and half a pair', 'a\0b\ud800', '"a\\u0000b\\ud800"'],
    ['a function', () => 1, null],
  ])('may return %s', async (_, returned, result) => {
    await harness.start([defineHandler({ name: 'h', run: () => returned })])
    const id = await harness.insert({ handler: 'h' })
    expect(await harness.untilStatus(id, STATUS.completed)).toMatchObject({ result })
  })

  it('may return a promise of any make', async () => {
    const thenable = { then: (resolve: (value: string) => void) => setTimeout(resolve, 5, 'late') }
    await harness.start([defineHandler({ name: 'h', run: () => thenable })])
    const id = await harness.insert({ handler: 'h' })
    expect(await harness.untilStatus(id, STATUS.completed)).toMatchObject({ result: '"late"' })
  })

  it('snoozes: runs again later, and no attempt is counted', async () => {
    const runs: number[] = []
    await harness.start([
      defineHandler({
        name: 'h',
        run: ({ job }) => {
          runs.push(performance.now())
          return runs.length < 3 ? snooze(50) : job.attempt
        },
      }),
    ])
    const id = await harness.insert({ handler: 'h', maxretries: 0, priority: 3 })
    const job = await harness.untilStatus(id, STATUS.completed)
    expect(job).toMatchObject({ retrycount: 0, priority: 3, result: '1', lasterror: null })
    const history = await harness.history(id)
    expect(history.map((row) => row['statusid'])).toEqual([7, 7, 3])
    const [first = 0, second = 0, third = 0] = runs
    expect(Math.min(second - first, third - second)).toBeGreaterThanOrEqual(49)
  })

  it('cancels its job, with the reason', async () => {
    await harness.start([defineHandler({ name: 'h', run: () => cancel('sold out') })])
    const id = await harness.insert({ handler: 'h' })
    const job = await harness.untilStatus(id, STATUS.cancelled)
    expect(job).toMatchObject({ lasterror: 'sold out', deadreason: null, retrycount: 0 })
    expect(await harness.history(id)).toMatchObject([{ statusid: 6, errormessage: 'sold out' }])
  })

  it.each([
    ['a BigInt', () => ({ n: 1n })],
    [
      'a circle',
      () => {
        const circle: Record<string, unknown> = {}
        circle['self'] = circle
        return circle
      },
    ],
    ['20 MB', () => 'x'.repeat(20 * 1024 * 1024)],
    [
      'an object whose toJSON throws',
      () => ({
        toJSON: () => {
          throw new Error('no')
        },
      }),
    ],
  ])('fails for good when it returns %s', async (_, run) => {
    await harness.start([defineHandler({ name: 'h', run })])
    const id = await harness.insert({ handler: 'h' })
    const job = await harness.untilStatus(id, STATUS.failed)
    expect(job).toMatchObject({ deadreason: 'result_not_serializable', result: null })
    expect(await harness.history(id)).toMatchObject([{ statusid: 4 }])
  })
})

describe('a running handler', () => {
  it('shows its progress to others at once, and writes only the newest', async () => {
    const go = Promise.withResolvers<undefined>()
    await harness.start([
      defineHandler({
        name: 'h',
        async run({ progress, tx }) {
          // Outside the transaction, though there is one.
          await tx.sql`select 1`
          for (let step = 1; step <= 500; step += 1) await progress(step, 1_000, `step ${step}`)
          await go.promise
        },
      }),
    ])
    await harness.query(`
      CREATE TABLE writes (progress int);
      CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO writes VALUES (NEW.progress); RETURN NEW; END $$;
      CREATE TRIGGER note AFTER UPDATE OF progress ON queue_jobs FOR EACH ROW
        WHEN (NEW.progress <> OLD.progress) EXECUTE FUNCTION note()`)
    const id = await harness.insert({ handler: 'h' })
    const seen = await until(async () => {
      const job = await harness.job(id)
      return job['progress'] === 500 && job
    }, 'the progress of a running job')
    expect(seen).toMatchObject({ statusid: 2, progresstotal: 1000, progressmessage: 'step 500' })
    const writes = await harness.query('SELECT * FROM writes')
    expect(writes.length).toBeLessThanOrEqual(5)
    go.resolve(undefined)
    expect(await harness.untilStatus(id, STATUS.completed)).toMatchObject({ progress: 1000 })
  })

  it('is given a large payload whole', async () => {
    const text = 'ü'.repeat(512 * 1024)
    await harness.start([
      defineHandler({
        name: 'h',
        input: z.object({ text: z.string() }),
        run: ({ input }) => ({ length: input.text.length, same: input.text === text }),
      }),
    ])
    const id = await harness.insert({ handler: 'h', payload: { text } })
    const job = await harness.untilStatus(id, STATUS.completed)
    expect(JSON.parse(String(job['result']))).toEqual({ length: text.length, same: true })
  })
})
