import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../src/domain/status.ts'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import { snooze } from '../../../src/domain/outcome.ts'
import type { HandlerContext } from '../../../src/ports/handler.ts'
import { until, type Row } from './harness.ts'
import { useMariadbWorkers } from './mariadb-harness.ts'

const harness = useMariadbWorkers()

async function makeEffects(): Promise<void> {
  await harness.query('CREATE TABLE effects (id varchar(64), instance int)')
}

async function effects(): Promise<readonly Row[]> {
  return await harness.query('SELECT id FROM effects')
}

async function count(text: string): Promise<number> {
  const [row] = await harness.query(`SELECT count(*) AS n FROM ${text}`)
  return Number(row!['n'])
}

const unfinished = (): Promise<number> => count('queue_jobs WHERE statusid NOT IN (3, 4, 6)')

function writes(run: (context: HandlerContext<unknown>) => Promise<unknown>) {
  return defineHandler({
    name: 'h',
    run: async (context) => {
      await context.tx.sql`insert into effects (id) values (${context.job.id})`
      return (await run(context)) as string
    },
  })
}

async function insertMany(handler: string, rows: number): Promise<void> {
  await harness.query(
    `INSERT INTO queue_jobs (handler)
     WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT ? FROM n`,
    [rows, handler],
  )
}

describe('on MariaDB, what a handler does in its transaction', () => {
  it('is committed with the completion and the history', async () => {
    await makeEffects()
    const go = Promise.withResolvers<undefined>()
    let begun = false
    await harness.start([
      writes(async ({ tx, job, enqueue }) => {
        await tx.query('UPDATE effects SET instance = ? WHERE id = ?', [7, job.id])
        await enqueue('none')
        begun = true
        await go.promise
      }),
    ])
    const id = await harness.insert({ handler: 'h' })
    await until(() => begun, 'the handler')
    expect(await effects()).toEqual([])
    expect(await count('queue_jobs')).toBe(1)
    go.resolve(undefined)
    await harness.untilStatus(id, STATUS.completed)
    expect(await effects()).toEqual([{ id }])
    expect(await count('queue_jobs')).toBe(2)
    expect(await harness.history(id)).toMatchObject([{ statusid: 3 }])
  })

  it('is undone when it throws, for good after the last attempt', async () => {
    await makeEffects()
    await harness.start([
      writes(async ({ enqueue }) => {
        await enqueue('none')
        throw new Error('no')
      }),
    ])
    const id = await harness.insert({ handler: 'h', maxretries: 1 })
    expect(await harness.untilStatus(id, STATUS.failed)).toMatchObject({ retrycount: 1 })
    expect(await effects()).toEqual([])
    expect(await count('queue_jobs')).toBe(1)
    expect(await harness.history(id)).toMatchObject([{ statusid: 4 }, { statusid: 4 }])
  })

  it('happens once though its connection was killed before the commit', async () => {
    await makeEffects()
    await harness.start([
      writes(async ({ job, tx }) => {
        if (job.attempt > 1) return job.attempt
        const [row] = await tx.sql<{ pid: number }>`select connection_id() as pid`
        await harness.query('KILL CONNECTION ?', [row!.pid])
        return 'as if nothing had happened'
      }),
    ])
    const id = await harness.insert({ handler: 'h' })
    const job = await harness.untilStatus(id, STATUS.completed)
    expect(job).toMatchObject({ result: '2', retrycount: 1 })
    expect(await effects()).toEqual([{ id }])
    expect(await harness.history(id)).toMatchObject([{ statusid: 4 }, { statusid: 3 }])
  })

  it('cannot be committed by an execution that lost its lease', async () => {
    await makeEffects()
    const go = Promise.withResolvers<undefined>()
    let begun = false
    const instance = await harness.start([
      writes(async ({ enqueue }) => {
        await enqueue('h', 'child')
        begun = true
        await go.promise
      }),
    ])
    const id = await harness.insert({ handler: 'h' })
    await until(() => begun, 'the handler')
    await harness.query(
      `UPDATE queue_jobs SET leaseepoch = leaseepoch + 1,
         leaseexpiresat = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR WHERE id = ?`,
      [id],
    )
    go.resolve(undefined)
    await until(() => instance.workers.statistics().held === 0, 'the end of the execution')
    expect(await effects()).toEqual([])
    expect(await harness.job(id)).toMatchObject({ statusid: 2, result: null })
    expect(await harness.history(id)).toEqual([])
    expect(await count('queue_jobs')).toBe(1)
  })

  it('stands though an SQL error in it was caught', async () => {
    await makeEffects()
    await harness.start([
      writes(async ({ tx }) => {
        await tx.sql`select * from nowhere`.catch(() => undefined)
      }),
    ])
    const id = await harness.insert({ handler: 'h' })
    await harness.untilStatus(id, STATUS.completed)
    expect(await effects()).toEqual([{ id }])
  })

  it.each(['COMMIT', 'ROLLBACK', 'CREATE TABLE other (id int)', 'COMMIT; BEGIN'])(
    'is lost, by its name, with a %s of the handler',
    async (statement) => {
      await makeEffects()
      await harness.start([
        writes(async ({ tx, enqueue }) => {
          await enqueue('h')
          for (const one of statement.split('; ')) await tx.query(one)
          return 'all is well'
        }),
      ])
      const id = await harness.insert({ handler: 'h', maxretries: 0 })
      const job = await harness.untilStatus(id, STATUS.failed)
      expect(job['lasterror']).toMatch(/^transaction_lost: /)
      expect(await harness.history(id)).toMatchObject([{ statusid: 4 }])
      expect(await count('queue_jobs')).toBe(1)
    },
  )

  it('may be silent for longer than a lease', async () => {
    await makeEffects()
    await harness.start(
      [writes(() => new Promise((resolve) => setTimeout(resolve, 2_500, 'late')))],
      { leaseMs: 1_000 },
    )
    const id = await harness.insert({ handler: 'h', maxretries: 0 })
    await harness.untilStatus(id, STATUS.completed)
    expect(await effects()).toEqual([{ id }])
  })

  it('is broken off when its time is up, also while a statement runs', async () => {
    await makeEffects()
    await harness.start([writes(async ({ tx }) => await tx.query('SELECT SLEEP(30)'))])
    const id = await harness.insert({ handler: 'h', maxretries: 0, timeout: 1 })
    await harness.untilStatus(id, STATUS.failed)
    expect(await effects()).toEqual([])
    await until(async () => (await harness.database.busyConnections()) === 0, 'its end')
  })
})

describe('on MariaDB, an execution', () => {
  it('that fails is retried, and ends with its progress, its result and what it enqueued', async () => {
    await harness.start([
      defineHandler({
        name: 'h',
        run: async ({ input, job, progress, enqueue }) => {
          await enqueue('later')
          await progress(1, 2, 'half')
          if (job.attempt === 1) throw new Error('again')
          return input as object
        },
      }),
    ])
    const payload = { greeting: 'naïve 🐬' }
    const id = await harness.insert({ handler: 'h', payload })
    expect(await harness.untilStatus(id, STATUS.completed)).toMatchObject({
      retrycount: 1,
      progress: 2,
      result: JSON.stringify(payload),
    })
    // The first attempt's is undone with it.
    expect(await count('queue_jobs')).toBe(2)
  })

  it('that is snoozed runs again when it is due, and what it enqueued commits', async () => {
    let runs = 0
    await harness.start([
      defineHandler({
        name: 'h',
        run: async ({ enqueue, job }) => {
          runs += 1
          if (runs > 1) return runs
          await enqueue('later', { of: job.id }, { delayMs: 500 })
          return snooze(300)
        },
      }),
      defineHandler({ name: 'later', run: ({ input }) => input ?? null }),
    ])
    const id = await harness.insert({ handler: 'h' })
    expect(await harness.untilStatus(id, STATUS.completed)).toMatchObject({
      result: '2',
      retrycount: 0,
    })
    expect(await harness.history(id)).toMatchObject([{ statusid: 7 }, { statusid: 3 }])
    const [later] = await harness.query(`SELECT id FROM queue_jobs WHERE handler = 'later'`)
    expect(await harness.untilStatus(String(later!['id']), STATUS.completed)).toMatchObject({
      parentjobid: id,
      result: JSON.stringify({ of: id }),
    })
  })

  it('is given back at a shutdown, and not counted', async () => {
    const instance = await harness.start([
      defineHandler({
        name: 'h',
        run: ({ signal }) =>
          new Promise((_, reject) => {
            signal.addEventListener('abort', () => {
              reject(new Error('stopped'))
            })
          }),
      }),
    ])
    const id = await harness.insert({ handler: 'h' })
    await until(async () => (await harness.job(id))['startedat'] !== null, 'its begin')
    await instance.stop(100)
    expect(await harness.job(id)).toMatchObject({ statusid: 0, retrycount: 0, lockedby: null })
    expect(await harness.history(id)).toMatchObject([{ statusid: 0 }])
  })
})

describe('on MariaDB, the jobs of a process that died', () => {
  it('run elsewhere; those that had begun have a history row and an attempt', async () => {
    const dead = {
      handler: 'quick',
      statusid: 2,
      leaseepoch: 3,
      lockedby: 'dead',
      leaseexpiresat: new Date(Date.now() - 60_000),
    }
    const begun = await harness.insert({ ...dead, startedat: new Date(Date.now() - 90_000) })
    const unbegun = await harness.insert(dead)
    await harness.start([defineHandler({ name: 'quick', run: ({ job }) => job.attempt })], {
      leaseMs: 1_000,
    })
    expect(await harness.untilStatus(unbegun, STATUS.completed)).toMatchObject({ retrycount: 0 })
    expect(await harness.untilStatus(begun, STATUS.completed)).toMatchObject({
      retrycount: 1,
      result: '2',
    })
    const history = await harness.history(begun)
    expect(history).toMatchObject([
      { statusid: 4, leaseepoch: 3, retryattempt: 0, executedby: 'dead' },
      { statusid: 3, retryattempt: 1 },
    ])
    expect(Number(history[0]!['duration'])).toBeGreaterThan(60_000)
  })

  it('are left alone while their lease is renewed, though another instance watches', async () => {
    let runs = 0
    const long = defineHandler({
      name: 'long',
      run: async () => {
        runs += 1
        await new Promise((resolve) => setTimeout(resolve, 5_000))
      },
    })
    // On a machine that others keep busy, a lease of one second was renewed too late.
    await harness.start([long], { leaseMs: 2_000 })
    await harness.start([long], { leaseMs: 2_000 })
    const id = await harness.insert({ handler: 'long' })
    expect(await harness.untilStatus(id, STATUS.completed)).toMatchObject({ retrycount: 0 })
    expect(runs).toBe(1)
    expect(await harness.history(id)).toHaveLength(1)
  })
})

describe('on MariaDB, many jobs', () => {
  it('of which half the attempts throw each end once', async () => {
    await makeEffects()
    let turn = 0
    await harness.start(
      [
        defineHandler({
          name: 'h',
          maxRetries: 4,
          run: async ({ tx, job }) => {
            turn += 1
            const uses = turn % 3 !== 0
            if (uses) await tx.sql`insert into effects (id) values (${job.id})`
            if (turn % 7 < 4) throw new Error('half of them')
            return uses
          },
        }),
      ],
      {
        pools: [{ name: 'rest', workers: 10 }],
        retry: { type: 'fixed', initialMs: 10, maxMs: 10, factor: 1, jitter: 0 },
      },
    )
    await insertMany('h', 300)
    await until(async () => (await unfinished()) === 0, 'all have ended', 25_000)
    const completed = await count('queue_jobs WHERE statusid = 3')
    expect(await count('job_histories WHERE statusid = 3')).toBe(completed)
    expect(await effects()).toHaveLength(await count(`queue_jobs WHERE result = 'true'`))
    expect(completed + (await count('queue_jobs WHERE statusid = 4'))).toBe(300)
    expect(
      await count(`(SELECT j.id FROM queue_jobs j JOIN job_histories h ON h.jobid = j.id
        GROUP BY j.id, j.retrycount HAVING count(*) <> j.retrycount + 1) wrong`),
    ).toBe(0)
  })

  it('are shared by two instances without doubling', async () => {
    await makeEffects()
    const handlers = (instance: number) => [
      defineHandler({
        name: 'with',
        run: async ({ tx, job }) => {
          await tx.sql`insert into effects values (${job.id}, ${instance})`
        },
      }),
      defineHandler({ name: 'without', run: () => instance }),
    ]
    await harness.start(handlers(1))
    await harness.start(handlers(2))
    await insertMany('with', 1000)
    await insertMany('without', 1000)
    await until(async () => (await unfinished()) === 0, 'all have ended', 25_000)
    const [counts] = await harness.query(`
      SELECT count(*) AS rows_, count(DISTINCT id) AS different, count(DISTINCT instance) AS instances
      FROM effects`)
    expect(counts).toMatchObject({ rows_: 1000, different: 1000, instances: 2 })
    expect(await count('job_histories')).toBe(2000)
  })

  it('of which the connections are killed go on', async () => {
    await makeEffects()
    await harness.start(
      [
        defineHandler({
          name: 'h',
          maxRetries: 50,
          run: async ({ tx, job }) => {
            await tx.sql`insert into effects (id) values (${job.id})`
          },
        }),
      ],
      { pools: [{ name: 'rest', workers: 10 }], leaseMs: 1_000 },
    )
    await insertMany('h', 1000)
    for (let kills = 0; kills < 6; kills += 1) {
      const before = await unfinished()
      await until(async () => (await unfinished()) < before || before === 0, 'something ends')
      await harness.database.breakConnections()
    }
    await until(async () => (await unfinished()) === 0, 'all have ended', 20_000)
    expect(await count('effects')).toBe(1000)
    expect(await count('(SELECT DISTINCT id FROM effects) one')).toBe(1000)
    expect(await count('job_histories WHERE statusid = 3')).toBe(1000)
    expect(await count('queue_jobs WHERE statusid = 3')).toBe(1000)
  })
})
