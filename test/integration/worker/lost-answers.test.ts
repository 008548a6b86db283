import { describe, expect, it } from 'vitest'
import { CrossdockError } from '../../../src/domain/errors.ts'
import { STATUS } from '../../../src/domain/status.ts'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import type { Store } from '../../../src/ports/store.ts'
import { until, useWorkers } from './harness.ts'
import type { Instance } from './instance.ts'

const harness = useWorkers()
const away = (): CrossdockError =>
  new CrossdockError('database_unavailable', 'the connection broke', { retryable: true })

/** Breaks the connection once, before or after the database has done what it was asked to. */
function breakOnce<Arguments extends unknown[], Answer>(
  when: 'before' | 'after',
  work: (...args: Arguments) => Promise<Answer>,
): (...args: Arguments) => Promise<Answer> {
  let broken = false
  return async (...args) => {
    if (broken) return await work(...args)
    broken = true
    if (when === 'after') await work(...args)
    throw away()
  }
}

function breakCommit({ store }: Instance, when: 'before' | 'after'): void {
  const open = store.openTransaction.bind(store)
  let broken = false
  Object.assign(store, {
    openTransaction: () => {
      const transaction = open()
      const { commit } = transaction
      if (broken) return transaction
      broken = true
      return Object.defineProperty(transaction, 'commit', {
        value: breakOnce(when, commit.bind(transaction)),
      })
    },
  } satisfies Partial<Store>)
}

describe.each(['before', 'after'] as const)('a connection that breaks %s the commit', (when) => {
  it('leaves the effect of a handler’s transaction once, and its history', async () => {
    await harness.query('CREATE TABLE effects (id text)')
    let runs = 0
    const instance = await harness.start([
      defineHandler({
        name: 'h',
        run: async ({ tx, job }) => {
          runs += 1
          await tx.sql`insert into effects values (${job.id})`
        },
      }),
    ])
    breakCommit(instance, when)
    const id = await harness.insert({ handler: 'h' })
    await harness.untilStatus(id, STATUS.completed)
    await until(() => instance.workers.statistics().held === 0, 'the end of the execution')
    expect(await harness.query('SELECT * FROM effects')).toHaveLength(1)
    const history = await harness.history(id)
    expect(history.filter((row) => row['statusid'] === 3)).toHaveLength(1)
    expect(runs).toBe(when === 'after' ? 1 : 2)
  })

  it('leaves the child of a handler that only enqueued once', async () => {
    const instance = await harness.start([
      defineHandler({ name: 'h', run: ({ enqueue }) => enqueue('child') }),
      defineHandler({ name: 'child', run: () => 1 }),
    ])
    breakCommit(instance, when)
    const id = await harness.insert({ handler: 'h' })
    await harness.untilStatus(id, STATUS.completed)
    await until(async () => {
      const rows = await harness.query(`SELECT statusid FROM queue_jobs WHERE handler = 'child'`)
      return rows.length === 1 && rows[0]?.['statusid'] === 3
    }, 'one child')
  })

  it('leaves the end of a handler without a transaction once, whose handler runs no second time', async () => {
    let runs = 0
    const instance = await harness.start([
      defineHandler({
        name: 'h',
        run: () => {
          runs += 1
          return runs
        },
      }),
    ])
    const settle = instance.store.settle.bind(instance.store)
    Object.assign(instance.store, { settle: breakOnce(when, settle) })
    const id = await harness.insert({ handler: 'h' })
    expect(await harness.untilStatus(id, STATUS.completed)).toMatchObject({ result: '1' })
    await until(() => instance.workers.statistics().held === 0, 'the end of the execution')
    expect(await harness.history(id)).toHaveLength(1)
    expect(runs).toBe(1)
  })

  it('leaves no job behind that was being claimed', async () => {
    const instance = await harness.start([defineHandler({ name: 'h', run: () => 1 })], {
      leaseMs: 1_000,
    })
    const claim = instance.store.claim.bind(instance.store)
    Object.assign(instance.store, { claim: breakOnce(when, claim) })
    const id = await harness.insert({ handler: 'h' })
    // Claimed by nobody who knows of it: its lease runs out, and that counts as no attempt.
    const job = await harness.untilStatus(id, STATUS.completed)
    expect(job).toMatchObject({ retrycount: 0 })
    expect(await harness.history(id)).toHaveLength(1)
  })
})

describe('a row that somebody has locked', () => {
  it('holds up its own end, and nobody else’s', { timeout: 40_000 }, async () => {
    const go = Promise.withResolvers<undefined>()
    const instance = await harness.start([
      defineHandler({ name: 'wait', run: () => go.promise }),
      defineHandler({ name: 'quick', run: () => 1 }),
    ])
    const locked = await harness.insert({ handler: 'wait' })
    const beside = await harness.insert({ handler: 'wait' })
    await until(() => instance.workers.statistics().running === 2, 'both run')
    const other = await harness.connect()
    await other.query('BEGIN')
    await other.query('SELECT FROM queue_jobs WHERE id = $1 FOR UPDATE', [locked])
    // They end together, in one group.
    go.resolve(undefined)
    await harness.untilStatus(beside, STATUS.completed)
    for (let count = 0; count < 3; count += 1) {
      const id = await harness.insert({ handler: 'quick' })
      await harness.untilStatus(id, STATUS.completed)
    }
    expect(await harness.job(locked)).toMatchObject({ statusid: 2 })
    await other.query('COMMIT')
    await harness.untilStatus(locked, STATUS.completed)
    expect(await harness.history(locked)).toHaveLength(1)
  })
})

describe('an end that the database refuses', () => {
  it('fails its own job for good, and no other', async () => {
    const go = Promise.withResolvers<undefined>()
    await harness.start([
      defineHandler({
        name: 'h',
        run: async ({ job }) => {
          await go.promise
          return job.priority
        },
      }),
    ])
    await harness.query(`ALTER TABLE job_histories ADD CONSTRAINT refused CHECK (result <> '7')`)
    const ids = []
    for (const priority of [1, 7, 3]) ids.push(await harness.insert({ handler: 'h', priority }))
    go.resolve(undefined)
    const [first, bad, last] = ids
    await harness.untilStatus(first!, STATUS.completed)
    await harness.untilStatus(last!, STATUS.completed)
    const job = await harness.untilStatus(bad!, STATUS.failed)
    expect(job).toMatchObject({ deadreason: 'not_storable' })
    expect(job['lasterror']).toContain('refused')
  })
})
