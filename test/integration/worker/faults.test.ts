import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../src/domain/status.ts'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import { until, useWorkers } from './harness.ts'

const harness = useWorkers()

describe('a fault of the program itself while it ends a job', () => {
  it('costs the job an attempt, and neither a worker nor a connection', async () => {
    const instance = await harness.start(
      [
        defineHandler({
          name: 'h',
          run: async ({ tx, job, progress }) => {
            await tx.sql`select 1`
            await progress(1, 2)
            return job.attempt
          },
        }),
      ],
      { leaseMs: 1_000, pools: [{ name: 'rest', workers: 1 }] },
    )
    let faults = 25
    const write = instance.store.updateProgress.bind(instance.store)
    Object.assign(instance.store, {
      updateProgress: (updates: Parameters<typeof write>[0]) => {
        if (updates.length > 0 && (faults -= 1) >= 0) throw new Error('a fault')
        return write(updates)
      },
    })
    // More than the pool has connections.
    const ids: string[] = []
    for (let count = 0; count < 25; count += 1) {
      ids.push(await harness.insert({ handler: 'h', maxretries: 5 }))
    }
    for (const id of ids) await harness.untilStatus(id, STATUS.completed)
    await until(() => instance.workers.statistics().held === 0, 'nothing is held')
    const [left] = await harness.query(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'`,
    )
    expect(left).toEqual({ n: 0 })
  })
})
