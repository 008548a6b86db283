import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../src/domain/status.ts'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import { until, useWorkers } from './harness.ts'

const harness = useWorkers()
const quick = defineHandler({ name: 'quick', run: () => 1 })

describe('a job that somebody inserts by SQL', () => {
  it('starts within 500 ms, though workers look by themselves once a minute', async () => {
    await harness.start([quick])
    // The look at the start has passed.
    const first = await harness.insert({ handler: 'quick' })
    await harness.untilStatus(first, STATUS.completed)
    for (let round = 0; round < 3; round += 1) {
      const id = await harness.insert({ handler: 'quick' })
      const job = await harness.untilStatus(id, STATUS.completed)
      expect(Number(job['startedat']) - Number(job['createdon'])).toBeLessThan(500)
    }
  })

  it('was there before the workers started', async () => {
    const id = await harness.insert({ handler: 'quick', queue: 'left over' })
    await harness.start([quick])
    await harness.untilStatus(id, STATUS.completed)
  })

  it('starts when it is due, not before', async () => {
    await harness.start([quick])
    const [row] = await harness.query(
      `INSERT INTO queue_jobs (handler, scheduledat)
       VALUES ('quick', clock_timestamp() + interval '700 milliseconds') RETURNING id, statusid`,
    )
    expect(row).toMatchObject({ statusid: 7 })
    const job = await harness.untilStatus(String(row!['id']), STATUS.completed)
    const late = Number(job['startedat']) - Number(job['scheduledat'])
    expect(late).toBeGreaterThanOrEqual(0)
    expect(late).toBeLessThan(500)
  })

  it('starts in time also when something due later was looked at before', async () => {
    await harness.start([quick])
    await harness.query(`INSERT INTO queue_jobs (handler, scheduledat)
      VALUES ('quick', clock_timestamp() + interval '1 hour')`)
    const id = await harness.insert({ handler: 'quick', scheduledat: new Date(Date.now() + 300) })
    const job = await harness.untilStatus(id, STATUS.completed)
    const late = Number(job['startedat']) - Number(job['scheduledat'])
    expect(late).toBeGreaterThanOrEqual(0)
    expect(late).toBeLessThan(500)
  })

  it('waits while it is inactive', async () => {
    await harness.start([quick])
    const inactive = await harness.insert({ handler: 'quick', active: false })
    const id = await harness.insert({ handler: 'quick' })
    await harness.untilStatus(id, STATUS.completed)
    expect(await harness.job(inactive)).toMatchObject({ statusid: 0, leaseepoch: 0 })
  })
})

describe('the order of a queue', () => {
  it('is the priority, then the arrival', async () => {
    const order: string[] = []
    for (const [name, priority] of [
      ['low', -1],
      ['first', 0],
      ['second', 0],
      ['urgent', 7],
    ] as const) {
      await harness.insert({ handler: 'note', name, priority })
    }
    await harness.start(
      [
        defineHandler({
          name: 'note',
          run: async ({ job, tx }) => {
            const [row] = await tx.sql<{ name: string }>`
              select name from queue_jobs where id = ${job.id}`
            order.push(row!.name)
          },
        }),
      ],
      { pools: [{ name: 'rest', workers: 1 }] },
    )
    await until(() => order.length === 4, 'four jobs')
    expect(order).toEqual(['urgent', 'first', 'second', 'low'])
  })

  it('lets an urgent job overtake a backlog within seconds', async () => {
    await harness.query(`INSERT INTO queue_jobs (handler)
      SELECT 'slow' FROM generate_series(1, 400)`)
    await harness.start(
      [
        defineHandler({
          name: 'slow',
          run: () => new Promise<void>((resolve) => setTimeout(resolve, 20)),
        }),
        quick,
      ],
      { pools: [{ name: 'rest', workers: 2 }] },
    )
    await until(async () => {
      const [row] = await harness.query(
        'SELECT count(*)::int AS n FROM queue_jobs WHERE statusid = 3',
      )
      return Number(row!['n']) > 20
    }, 'a backlog under way')
    const id = await harness.insert({ handler: 'quick', priority: 9 })
    const job = await harness.untilStatus(id, STATUS.completed)
    expect(Number(job['startedat']) - Number(job['createdon'])).toBeLessThan(3_000)
    const [left] = await harness.query(
      'SELECT count(*)::int AS n FROM queue_jobs WHERE statusid IN (0, 2)',
    )
    expect(left!['n']).toBeGreaterThan(0)
  })
})

describe('a queue', () => {
  it('whose handlers all block does not delay another one', async () => {
    const go = Promise.withResolvers<undefined>()
    await harness.start([defineHandler({ name: 'block', run: () => go.promise }), quick], {
      pools: [
        { name: 'blocked', queue: 'blocked', workers: 2 },
        { name: 'rest', workers: 1 },
      ],
    })
    const blocked = []
    for (let count = 0; count < 5; count += 1) {
      blocked.push(await harness.insert({ handler: 'block', queue: 'blocked' }))
    }
    await harness.untilStatus(blocked[0]!, STATUS.processing)
    for (const queue of ['default', 'another', 'a third']) {
      const id = await harness.insert({ handler: 'quick', queue })
      const job = await harness.untilStatus(id, STATUS.completed)
      expect(Number(job['startedat']) - Number(job['createdon'])).toBeLessThan(500)
    }
    go.resolve(undefined)
    for (const id of blocked) await harness.untilStatus(id, STATUS.completed)
  })

  it('that is not served here stays as it is', async () => {
    await harness.start([quick], { serves: (queue) => queue !== 'paused' })
    const paused = await harness.insert({ handler: 'quick', queue: 'paused' })
    const id = await harness.insert({ handler: 'quick', queue: 'served' })
    await harness.untilStatus(id, STATUS.completed)
    expect(await harness.job(paused)).toMatchObject({ statusid: 0, leaseepoch: 0 })
  })
})

describe('a job whose handler nobody here has', () => {
  it('is given back for 30 s, uncounted and without history, and runs once there is one', async () => {
    const instance = await harness.start([quick])
    const id = await harness.insert({ handler: 'absent' })
    const job = await harness.untilStatus(id, STATUS.scheduled)
    expect(job).toMatchObject({ retrycount: 0, lockedby: null, startedat: null, priority: 0 })
    const [wait] = await harness.query(
      `SELECT extract(epoch FROM scheduledat - clock_timestamp())::float8 AS seconds
       FROM queue_jobs WHERE id = $1`,
      [id],
    )
    expect(Number(wait!['seconds'])).toBeGreaterThan(25)
    expect(Number(wait!['seconds'])).toBeLessThanOrEqual(30)
    expect(await harness.history(id)).toEqual([])
    expect(await instance.store.missingHandlers(['quick'])).toEqual(['absent'])

    await harness.start([defineHandler({ name: 'absent', run: () => 'here' })])
    await harness.query(`UPDATE queue_jobs SET scheduledat = clock_timestamp() WHERE id = $1`, [id])
    const later = await until(async () => {
      const found = await harness.job(id)
      // The one that lacks it may have been faster.
      if (found['statusid'] === 7) {
        await harness.query('UPDATE queue_jobs SET scheduledat = clock_timestamp() WHERE id = $1', [
          id,
        ])
      }
      return found['statusid'] === 3 && found
    }, 'the job, once its handler is there')
    expect(later).toMatchObject({ result: '"here"', retrycount: 0 })
    expect(await harness.history(id)).toHaveLength(1)
  })
})

describe('workers that are all busy', () => {
  it('leave the rest to another instance, also after a burst of quick jobs', async () => {
    const go = Promise.withResolvers<undefined>()
    const block = defineHandler({ name: 'block', run: () => go.promise })
    await harness.query(
      `INSERT INTO queue_jobs (handler) SELECT 'quick' FROM generate_series(1, 300)`,
    )
    const first = await harness.start([quick, block], { pools: [{ name: 'rest', workers: 2 }] })
    await until(async () => {
      const [row] = await harness.query(
        `SELECT count(*)::int AS n FROM queue_jobs WHERE statusid <> 3`,
      )
      return row!['n'] === 0
    }, 'the burst')
    const blocked = [
      await harness.insert({ handler: 'block' }),
      await harness.insert({ handler: 'block' }),
    ]
    await until(() => first.workers.statistics().running === 2, 'both workers are busy')
    const ids: string[] = []
    for (let count = 0; count < 20; count += 1) ids.push(await harness.insert({ handler: 'quick' }))
    // What it had claimed beyond its workers comes back, and stays back.
    await until(async () => {
      const [row] = await harness.query(
        `SELECT count(*)::int AS n FROM queue_jobs WHERE handler = 'quick' AND statusid = 0`,
      )
      return row!['n'] === 20
    }, 'the waiting jobs are given back')
    const before = await harness.query('SELECT id, leaseepoch FROM queue_jobs ORDER BY seq')
    await harness.insert({ handler: 'quick', queue: 'wakes' })
    await until(() => first.workers.statistics().held === 2, 'it holds nothing but what it runs')
    const second = await harness.start([quick])
    for (const id of ids) await harness.untilStatus(id, STATUS.completed)
    const after = await harness.query('SELECT id, leaseepoch FROM queue_jobs ORDER BY seq')
    // Claimed and ended, once each: two epochs.
    for (const id of ids) {
      const [from, to] = [before, after].map((rows) => rows.find((row) => row['id'] === id))
      expect(Number(to!['leaseepoch']) - Number(from!['leaseepoch'])).toBe(2)
    }
    expect(second.workers.statistics().held).toBe(0)
    go.resolve(undefined)
    for (const id of blocked) await harness.untilStatus(id, STATUS.completed)
  })
})
