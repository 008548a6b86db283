import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../src/domain/status.ts'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import type { HandlerContext } from '../../../src/ports/handler.ts'
import { until, useWorkers, type Row } from './harness.ts'

const harness = useWorkers()

async function effects(): Promise<readonly Row[]> {
  return await harness.query('SELECT * FROM effects')
}

function writes(run: (context: HandlerContext<unknown>) => Promise<unknown>) {
  return defineHandler({
    name: 'h',
    run: async (context) => {
      await context.tx.sql`insert into effects values (${context.job.id})`
      return (await run(context)) as string
    },
  })
}

describe('what a handler does in its transaction', () => {
  it('is committed with the completion and the history', async () => {
    await harness.query('CREATE TABLE effects (id text)')
    const go = Promise.withResolvers<undefined>()
    await harness.start([writes(() => go.promise)])
    const id = await harness.insert({ handler: 'h' })
    await until(async () => {
      const [row] = await harness.query(
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE state = 'idle in transaction'`,
      )
      return row!['n'] === 1
    }, 'an open transaction')
    expect(await effects()).toEqual([])
    go.resolve(undefined)
    await harness.untilStatus(id, STATUS.completed)
    expect(await effects()).toEqual([{ id }])
    expect(await harness.history(id)).toMatchObject([{ statusid: 3 }])
  })

  it('is undone when it throws', async () => {
    await harness.query('CREATE TABLE effects (id text)')
    await harness.start([
      writes(async () => {
        throw new Error('no')
      }),
    ])
    const id = await harness.insert({ handler: 'h', maxretries: 1 })
    await harness.untilStatus(id, STATUS.failed)
    expect(await effects()).toEqual([])
    expect(await harness.history(id)).toHaveLength(2)
  })

  it('happens once though its connection was killed before the commit', async () => {
    await harness.query('CREATE TABLE effects (id text)')
    const instance = await harness.start([
      writes(async ({ job, tx }) => {
        if (job.attempt > 1) return job.attempt
        const [row] = await tx.sql<{ pid: number }>`select pg_backend_pid() as pid`
        await harness.query('SELECT pg_terminate_backend($1)', [row!.pid])
        await until(async () => {
          const [left] = await harness.query(
            'SELECT count(*)::int AS n FROM pg_stat_activity WHERE pid = $1',
            [row!.pid],
          )
          return left!['n'] === 0
        }, 'the end of the connection')
        return 'as if nothing had happened'
      }),
    ])
    const id = await harness.insert({ handler: 'h' })
    const job = await harness.untilStatus(id, STATUS.completed)
    expect(job).toMatchObject({ result: '2', retrycount: 1 })
    expect(await effects()).toEqual([{ id }])
    expect(await harness.history(id)).toMatchObject([{ statusid: 4 }, { statusid: 3 }])
    expect(instance.workers.statistics()).toMatchObject({ running: 0 })
  })

  it('cannot be committed by an execution that lost its lease', async () => {
    await harness.query('CREATE TABLE effects (id text)')
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
      `UPDATE queue_jobs SET leaseepoch = leaseepoch + 1, leaseexpiresat = clock_timestamp() + interval '1 hour'
       WHERE id = $1`,
      [id],
    )
    go.resolve(undefined)
    await until(() => instance.workers.statistics().held === 0, 'the end of the execution')
    expect(await effects()).toEqual([])
    expect(await harness.job(id)).toMatchObject({ statusid: 2, result: null })
    expect(await harness.history(id)).toEqual([])
    const [jobs] = await harness.query('SELECT count(*)::int AS n FROM queue_jobs')
    expect(jobs).toEqual({ n: 1 })
  })

  it('is told by its signal that the lease is lost, and what it throws then is nobody’s business', async () => {
    let reason: unknown
    const instance = await harness.start(
      [
        defineHandler({
          name: 'h',
          run: ({ signal }) =>
            new Promise((_, reject) => {
              signal.addEventListener('abort', () => {
                reason = signal.reason
                reject(new Error('stopped'))
              })
            }),
        }),
      ],
      { leaseMs: 1_000 },
    )
    const id = await harness.insert({ handler: 'h' })
    await harness.untilStatus(id, STATUS.processing)
    await harness.query(
      `UPDATE queue_jobs SET leaseepoch = leaseepoch + 1, leaseexpiresat = clock_timestamp() + interval '1 hour'
       WHERE id = $1`,
      [id],
    )
    await until(() => reason, 'the signal')
    expect(reason).toMatchObject({ code: 'lease_lost' })
    await until(() => instance.workers.statistics().running === 0, 'a free worker')
    expect(await harness.job(id)).toMatchObject({ statusid: 2, retrycount: 0 })
    expect(await harness.history(id)).toEqual([])
  })

  it('is lost, by its name, when an SQL error in it was caught', async () => {
    await harness.query('CREATE TABLE effects (id text)')
    await harness.start([
      writes(async ({ tx }) => {
        await tx.sql`select * from nowhere`.catch(() => undefined)
        return 'all is well'
      }),
    ])
    const id = await harness.insert({ handler: 'h', maxretries: 0 })
    const job = await harness.untilStatus(id, STATUS.failed)
    expect(job['lasterror']).toMatch(/^transaction_lost: /)
    expect(await effects()).toEqual([])
  })

  it.each(['COMMIT', 'ROLLBACK', 'COMMIT AND CHAIN', 'COMMIT; BEGIN'])(
    'is lost, by its name, with a %s of the handler',
    async (statement) => {
      await harness.query('CREATE TABLE effects (id text)')
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
      const [jobs] = await harness.query('SELECT count(*)::int AS n FROM queue_jobs')
      expect(jobs).toEqual({ n: 1 })
    },
  )

  it('goes through a savepoint around what may fail', async () => {
    await harness.query('CREATE TABLE effects (id text)')
    await harness.start([
      writes(async ({ tx }) => {
        await tx.query('SAVEPOINT maybe')
        await tx.sql`select * from nowhere`.catch(() => tx.query('ROLLBACK TO maybe'))
      }),
    ])
    const id = await harness.insert({ handler: 'h' })
    await harness.untilStatus(id, STATUS.completed)
    expect(await effects()).toEqual([{ id }])
  })

  it('is the connection itself for whoever wants that', async () => {
    await harness.query('CREATE TABLE effects (id text)')
    await harness.start([
      writes(async ({ tx, job }) => {
        const client = (await tx.client()) as {
          query(text: string, values: unknown[]): Promise<unknown>
        }
        await client.query('INSERT INTO effects VALUES ($1)', [`${job.id} again`])
      }),
    ])
    const id = await harness.insert({ handler: 'h' })
    await harness.untilStatus(id, STATUS.completed)
    expect(await effects()).toHaveLength(2)
  })

  it('may be silent for longer than a lease', async () => {
    await harness.query('CREATE TABLE effects (id text)')
    await harness.start(
      [writes(() => new Promise((resolve) => setTimeout(resolve, 2_500, 'late')))],
      { leaseMs: 1_000 },
    )
    const id = await harness.insert({ handler: 'h', maxretries: 0 })
    await harness.untilStatus(id, STATUS.completed)
    expect(await effects()).toEqual([{ id }])
  })

  it('is forbidden with transaction: none, for good', async () => {
    await harness.start([
      defineHandler({
        name: 'h',
        transaction: 'none',
        run: async ({ tx, enqueue }) => {
          await enqueue('child')
          await tx.sql`select 1`
        },
      }),
    ])
    const id = await harness.insert({ handler: 'h' })
    const job = await harness.untilStatus(id, STATUS.failed)
    expect(job).toMatchObject({ deadreason: 'transaction_forbidden' })
    const [jobs] = await harness.query('SELECT count(*)::int AS n FROM queue_jobs')
    expect(jobs).toEqual({ n: 1 })
  })
})

describe.each(['with', 'without'])('what a handler enqueues %s a transaction', (way) => {
  async function run(fails: boolean): Promise<{ parent: Row; children: readonly Row[] }> {
    await harness.start([
      defineHandler({
        name: 'parent',
        run: async ({ enqueue, tx, job }) => {
          if (way === 'with') await tx.sql`select 1`
          await enqueue('child', { of: job.id }, { priority: 4, queue: 'children' })
          await enqueue('child', undefined, { delayMs: 1_500 })
          await enqueue('child', undefined, { scheduledAt: new Date(Date.now() - 60_000) })
          if (fails) throw new Error('no')
        },
      }),
      defineHandler({ name: 'child', run: ({ input }) => input ?? null }),
    ])
    const id = await harness.insert({
      handler: 'parent',
      maxretries: 0,
      tenantid: 'acme',
      createdby: 'ada',
      correlationid: 'c-1',
    })
    const parent = await harness.untilStatus(id, fails ? STATUS.failed : STATUS.completed)
    const select = `SELECT * FROM queue_jobs WHERE handler = 'child' ORDER BY seq`
    if (fails) return { parent, children: await harness.query(select) }
    const children = await until(async () => {
      const rows = await harness.query(select)
      return rows.every((row) => row['statusid'] === 3) && rows
    }, 'the children')
    return { parent, children }
  }

  it('is committed with its completion, and runs at once or when it is due', async () => {
    const { parent, children } = await run(false)
    expect(children).toHaveLength(3)
    expect(children[0]).toMatchObject({
      parentjobid: parent['id'],
      tenantid: 'acme',
      createdby: 'ada',
      correlationid: 'c-1',
      priority: 4,
      queue: 'children',
      result: JSON.stringify({ of: parent['id'] }),
    })
    const [now, later, past] = children.map(
      (row) => Number(row['startedat']) - Number(parent['completedat']),
    )
    expect(now).toBeLessThan(500)
    expect(later).toBeGreaterThanOrEqual(1_400)
    // It was due before it was there, and does not wait for anybody's next look.
    expect(past).toBeLessThan(700)
  })

  it('is not there when it throws', async () => {
    const { children } = await run(true)
    expect(children).toEqual([])
  })
})
