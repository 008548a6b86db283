import { describe, expect, it } from 'vitest'
import { PermanentError } from '../../../src/domain/errors.ts'
import { snooze } from '../../../src/domain/outcome.ts'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import type { Handler } from '../../../src/ports/handler.ts'
import { until, useWorkers, type WorkerHarness } from './harness.ts'
import { useMariadbWorkers } from './mariadb-harness.ts'

type Harness = Pick<WorkerHarness, 'start' | 'query' | 'insert' | 'untilStatus' | 'job'>

const HARNESSES: Readonly<Record<string, Harness>> = {
  PostgreSQL: useWorkers(),
  MariaDB: useMariadbWorkers(),
}

const KEYS = 50
const JOBS = 40
const SETTINGS = {
  pools: [{ name: 'rest', workers: 10 }],
  retry: { type: 'fixed', initialMs: 5, maxMs: 5, factor: 1, jitter: 0 },
} as const

interface Work {
  readonly key: string
  readonly n: number
}

/** Every 13th fails for good, and lets its key go. */
const fails = (n: number): boolean => n % 13 === 0

/** A handler that writes who came before it, and the moments between which it ran. */
function recording(random: () => number): {
  readonly handler: Handler
  readonly overlaps: string[]
} {
  const running = new Set<string>()
  const overlaps: string[] = []
  const handler = defineHandler({
    name: 'record',
    maxRetries: 1_000,
    run: async ({ input, tx }) => {
      const { key, n } = input as Work
      if (running.has(key)) overlaps.push(`${key} ${n}`)
      running.add(key)
      try {
        const [before] = await tx.sql<{ last: number | null }>`select max(n) as last
          from effects where orderingkey = ${key}`
        await new Promise((resolve) => setTimeout(resolve, random() * 3))
        if (fails(n)) throw new PermanentError('this one never works')
        const chance = random()
        if (chance < 0.1) throw new Error('one in ten')
        if (chance < 0.13) return snooze(5)
        await tx.sql`insert into effects (orderingkey, n, before_n)
          values (${key}, ${n}, ${before?.last ?? 0})`
        return undefined
      } finally {
        running.delete(key)
      }
    },
  })
  return { handler, overlaps }
}

describe.each(Object.entries(HARNESSES))('on %s, jobs with ordering keys', (_name, harness) => {
  async function insertRound(n: number): Promise<void> {
    const rows = Array.from({ length: KEYS }, (_, index) => {
      const key = `key-${index}`
      const priority = (index * n) % 3
      return `('record', '{"key":"${key}","n":${n}}', '${key}', ${priority})`
    })
    await harness.query(
      `INSERT INTO queue_jobs (handler, payload, orderingkey, priority) VALUES ${rows.join(', ')}`,
    )
  }

  async function left(): Promise<number> {
    const [row] = await harness.query(
      'SELECT count(*) AS n FROM queue_jobs WHERE statusid NOT IN (3, 4, 6)',
    )
    return Number(row!['n'])
  }

  it(
    `run one at a time and in order on two instances, ${KEYS} keys of ${JOBS} jobs, whatever fails`,
    { timeout: 90_000 },
    async () => {
      await harness.query(
        'CREATE TABLE effects (orderingkey varchar(50), n integer, before_n integer)',
      )
      const { handler, overlaps } = recording(Math.random)
      for (let n = 1; n <= JOBS / 2; n += 1) await insertRound(n)
      await harness.start([handler], SETTINGS)
      await harness.start([handler], SETTINGS)
      for (let n = JOBS / 2 + 1; n <= JOBS; n += 1) await insertRound(n)
      await until(async () => (await left()) === 0, 'all have ended', 80_000)
      expect(overlaps).toEqual([])
      const effects = await harness.query('SELECT orderingkey, n, before_n FROM effects')
      const works = Array.from({ length: JOBS }, (_, index) => index + 1).filter((n) => !fails(n))
      const expected = works.map((n, index) => `${works[index - 1] ?? 0} ${n}`).sort()
      for (let index = 0; index < KEYS; index += 1) {
        const mine = effects.filter((row) => row['orderingkey'] === `key-${index}`)
        expect(mine.map((row) => `${Number(row['before_n'])} ${Number(row['n'])}`).sort()).toEqual(
          expected,
        )
      }
    },
  )

  it('that a handler enqueues run in order, each after the one before has ended', async () => {
    const seen: number[] = []
    await harness.start(
      [
        defineHandler({
          name: 'parent',
          run: async ({ enqueue }) => {
            for (let n = 1; n <= 5; n += 1) {
              await enqueue('child', n, { orderingKey: 'children', priority: n })
            }
          },
        }),
        defineHandler({
          name: 'child',
          run: ({ input }) => {
            seen.push(Number(input))
          },
        }),
      ],
      SETTINGS,
    )
    await harness.insert({ handler: 'parent' })
    await until(() => seen.length === 5, 'all children ran')
    expect(seen).toEqual([1, 2, 3, 4, 5])
  })

  it('go on after a holder that was cancelled by SQL', async () => {
    const first = await harness.insert({
      handler: 'nobody has it',
      orderingkey: 'k',
      queue: 'elsewhere',
    })
    await harness.start([defineHandler({ name: 'h', run: () => 1 })], {
      ...SETTINGS,
      serves: (queue) => queue !== 'elsewhere',
    })
    const second = await harness.insert({ handler: 'h', orderingkey: 'k' })
    await harness.untilStatus(first, 0)
    expect((await harness.job(second))['statusid']).toBe(1)
    await harness.query(`UPDATE queue_jobs SET statusid = 6 WHERE handler = 'nobody has it'`)
    await harness.untilStatus(second, 3)
  })
})
