import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/app/system-clock.ts'
import { STATUS } from '../../../src/domain/status.ts'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import { createGroupCommit } from '../../../src/ingest/group-commit.ts'
import { until, useWorkers } from './harness.ts'
import { recordingLog } from './recording-log.ts'

const harness = useWorkers()

describe('a row that somebody has locked', () => {
  it('holds up nobody else’s end, and is ended once the lock has gone, beyond the lease too', async () => {
    const gate = Promise.withResolvers<undefined>()
    const runs: string[] = []
    const instance = await harness.start(
      [
        defineHandler({
          name: 'gated',
          run: async ({ job }) => {
            runs.push(job.id)
            await gate.promise
          },
        }),
        defineHandler({ name: 'quick', run: () => undefined }),
      ],
      { leaseMs: 1_000 },
    )
    const locked = await harness.insert({ handler: 'gated' })
    await until(() => runs.length === 1, 'the handler runs')
    const other = await harness.connect()
    await other.query('BEGIN')
    await other.query('SELECT 1 FROM queue_jobs WHERE id = $1 FOR UPDATE', [locked])
    gate.resolve(undefined)
    const quick: string[] = []
    for (let count = 0; count < 50; count += 1) {
      quick.push(await harness.insert({ handler: 'quick' }))
    }
    for (const id of quick) await harness.untilStatus(id, STATUS.completed)
    // Longer than the lease and a look for expired ones.
    await other.query('SELECT pg_sleep(2.5)')
    await other.query('COMMIT')
    await harness.untilStatus(locked, STATUS.completed)
    expect(runs).toEqual([locked])
    expect(await harness.history(locked)).toHaveLength(1)
    await instance.stop()
  })

  it('is the handler’s own where it updates its job, which is still completed once', async () => {
    let runs = 0
    await harness.start(
      [
        defineHandler({
          name: 'h',
          run: async ({ tx, job }) => {
            runs += 1
            await tx.sql`update queue_jobs set referenceid = 'x' where id = ${job.id}`
            await tx.sql`select pg_sleep(2.5)`
          },
        }),
      ],
      { leaseMs: 1_000 },
    )
    const id = await harness.insert({ handler: 'h' })
    await harness.untilStatus(id, STATUS.completed)
    expect(runs).toBe(1)
    expect(await harness.job(id)).toMatchObject({ referenceid: 'x', retrycount: 0 })
  })
})

describe('a table that somebody has locked for longer than a lease', () => {
  it('makes nobody’s jobs those of a dead process', async () => {
    const gate = Promise.withResolvers<undefined>()
    let runs = 0
    const handler = defineHandler({
      name: 'long',
      run: async () => {
        runs += 1
        await gate.promise
      },
    })
    const instances = [
      await harness.start([handler], { leaseMs: 1_000 }),
      await harness.start([handler], { leaseMs: 1_000 }),
    ]
    const ids: string[] = []
    for (let count = 0; count < 8; count += 1) {
      ids.push(await harness.insert({ handler: 'long', maxretries: 0 }))
    }
    await until(() => runs === 8, 'all of them run')
    const other = await harness.connect()
    for (let round = 0; round < 2; round += 1) {
      await other.query('BEGIN')
      await other.query('LOCK TABLE queue_jobs IN SHARE MODE')
      await other.query('SELECT pg_sleep(2)')
      await other.query('COMMIT')
      await other.query('SELECT pg_sleep(1.5)')
    }
    gate.resolve(undefined)
    for (const id of ids) await harness.untilStatus(id, STATUS.completed)
    expect(runs).toBe(8)
    for (const instance of instances) await instance.stop()
  })
})

describe('a key that somebody’s open transaction has', () => {
  it('holds up no other message', async () => {
    const instance = await harness.start([])
    const commit = createGroupCommit({
      store: instance.store,
      wakeUps: instance.wakeUps,
      clock: systemClock,
      log: recordingLog(),
      random: Math.random,
      giveUpMs: 3_000,
    })
    const other = await harness.connect()
    await other.query('BEGIN')
    const keys = Array.from({ length: 8 }, (_, index) => `taken-${index}`)
    for (const key of keys) {
      await other.query(`INSERT INTO queue_jobs (handler, dedupekey) VALUES ('h', $1)`, [key])
    }
    const held = keys.map((key) =>
      commit.add({ id: `held-${key}`, handler: 'h', dedupeKey: key }).then(
        () => 'stored',
        () => 'refused',
      ),
    )
    const from = performance.now()
    for (let count = 0; count < 20; count += 1) {
      await commit.add({ id: `free-${count}`, handler: 'h' })
    }
    // One wait for a lock, whatever the number of keys.
    expect(performance.now() - from).toBeLessThan(1_500)
    // One with a key of its own waits for those before it there, and no longer.
    expect(await commit.add({ id: 'other', handler: 'h', dedupeKey: 'other' })).toMatchObject({
      outcome: 'stored',
    })
    // Given up in the end, for the sender to try again.
    expect(new Set(await Promise.all(held))).toEqual(new Set(['refused']))
    await other.query('ROLLBACK')
    expect(
      await commit.add({ id: 'held-again', handler: 'h', dedupeKey: 'taken-0' }),
    ).toMatchObject({
      outcome: 'stored',
    })
    await commit.close()
  })
})
