import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../src/domain/status.ts'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import { until, useWorkers } from './harness.ts'

const harness = useWorkers()

interface DriverClient {
  query(text: string): Promise<{ readonly rows: readonly Record<string, unknown>[] }>
  release(): unknown
}

describe('the driver’s connection', () => {
  it('stays the job’s own though its handler releases it, and is undone with it', async () => {
    await harness.query('CREATE TABLE effects (name text)')
    await harness.start(
      [
        defineHandler({
          name: 'releases',
          maxRetries: 0,
          run: async ({ tx }) => {
            const client = (await tx.client()) as DriverClient
            await client.query(`INSERT INTO effects VALUES ('undone')`)
            client.release()
            await new Promise((resolve) => setTimeout(resolve, 200))
            throw new Error('no')
          },
        }),
        defineHandler({
          name: 'other',
          run: async ({ tx }) => {
            await tx.sql`insert into effects values ('kept')`
          },
        }),
      ],
      { pools: [{ name: 'rest', workers: 2 }] },
    )
    const failing = await harness.insert({ handler: 'releases' })
    const other = await harness.insert({ handler: 'other' })
    await harness.untilStatus(other, STATUS.completed)
    await harness.untilStatus(failing, STATUS.failed)
    expect(await harness.query('SELECT name FROM effects')).toEqual([{ name: 'kept' }])
  })

  it('does nothing more once the handler has returned', async () => {
    await harness.query('CREATE TABLE effects (name text)')
    let late: Promise<string> | undefined
    await harness.start([
      defineHandler({
        name: 'late',
        run: async ({ tx }) => {
          const client = (await tx.client()) as DriverClient
          await client.query('SELECT 1')
          late = new Promise<void>((resolve) => setTimeout(resolve, 300)).then(async () => {
            try {
              await client.query(`INSERT INTO effects VALUES ('late')`)
              return 'ran'
            } catch (error) {
              return (error as { readonly code: string }).code
            }
          })
        },
      }),
    ])
    const id = await harness.insert({ handler: 'late' })
    await harness.untilStatus(id, STATUS.completed)
    await until(() => late !== undefined, 'it was started')
    expect(await late).toBe('transaction_lost')
    expect(await harness.query('SELECT * FROM effects')).toEqual([])
  })

  it('takes no settings and no locks from one job to the next', async () => {
    const seen: Record<string, unknown>[] = []
    await harness.start(
      [
        defineHandler({
          name: 'sets',
          run: async ({ tx }) => {
            await tx.query('SET search_path = pg_catalog')
            await tx.query('SET default_transaction_read_only = on')
            await tx.query('SELECT pg_advisory_lock(42)')
          },
        }),
        defineHandler({
          name: 'looks',
          run: async ({ tx }) => {
            const [row] = await tx.query(
              `SELECT current_setting('search_path') AS path,
                current_setting('default_transaction_read_only') AS readonly,
                (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory') AS locks`,
            )
            if (row !== undefined) seen.push(row)
          },
        }),
      ],
      { pools: [{ name: 'rest', workers: 1 }] },
    )
    for (let count = 0; count < 5; count += 1) {
      const sets = await harness.insert({ handler: 'sets' })
      await harness.untilStatus(sets, STATUS.completed)
      const looks = await harness.insert({ handler: 'looks' })
      await harness.untilStatus(looks, STATUS.completed)
    }
    expect(new Set(seen.map((row) => JSON.stringify(row)))).toEqual(
      new Set([JSON.stringify({ path: '"$user", public', readonly: 'off', locks: 0 })]),
    )
  })
})
