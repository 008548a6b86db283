import { describe, expect, it } from 'vitest'
import { STATUS } from '../../../src/domain/status.ts'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import { until, useWorkers } from './harness.ts'

const harness = useWorkers()

async function unfinished(): Promise<number> {
  const [row] = await harness.query(
    'SELECT count(*)::int AS n FROM queue_jobs WHERE statusid NOT IN (3, 4, 6)',
  )
  return Number(row!['n'])
}

/** Random numbers that a failing run can repeat. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32
    return state / 2 ** 32
  }
}

describe('many jobs', () => {
  it('of which half the attempts throw each end once', async () => {
    await harness.query('CREATE TABLE effects (id text)')
    const random = seeded(42)
    await harness.start(
      [
        defineHandler({
          name: 'h',
          maxRetries: 4,
          run: async ({ tx, job }) => {
            const uses = random() < 0.5
            if (uses) await tx.sql`insert into effects values (${job.id})`
            if (random() < 0.5) throw new Error('half of them')
            return uses
          },
        }),
      ],
      {
        pools: [{ name: 'rest', workers: 10 }],
        retry: { type: 'fixed', initialMs: 10, maxMs: 10, factor: 1, jitter: 0 },
      },
    )
    await harness.query(`INSERT INTO queue_jobs (handler) SELECT 'h' FROM generate_series(1, 300)`)
    await until(async () => (await unfinished()) === 0, 'all have ended', 25_000)
    const [counts] = await harness.query(`
      SELECT count(*) FILTER (WHERE statusid = 3)::int AS completed,
        count(*) FILTER (WHERE statusid = 4)::int AS failed,
        (SELECT count(*)::int FROM job_histories WHERE statusid = 3) AS completions,
        (SELECT count(*)::int FROM job_histories WHERE metadata->>'willretry' = 'false') AS failures,
        (SELECT count(*)::int FROM (SELECT j.id FROM queue_jobs j JOIN job_histories h ON h.jobid = j.id
          GROUP BY j.id, j.retrycount HAVING count(*) <> j.retrycount + 1) wrong) AS miscounted,
        (SELECT count(*)::int FROM effects) AS effects,
        count(*) FILTER (WHERE result = 'true')::int AS with_effect
      FROM queue_jobs`)
    expect(counts).toMatchObject({ miscounted: 0 })
    expect(counts!['completions']).toBe(counts!['completed'])
    expect(counts!['failures']).toBe(counts!['failed'])
    expect(counts!['effects']).toBe(counts!['with_effect'])
    expect(Number(counts!['completed']) + Number(counts!['failed'])).toBe(300)
    expect(Number(counts!['failed'])).toBeGreaterThan(0)
    expect(Number(counts!['with_effect'])).toBeGreaterThan(50)
  })

  it('are shared by two instances without doubling', async () => {
    await harness.query('CREATE TABLE effects (id text, instance int)')
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
    await harness.query(`INSERT INTO queue_jobs (handler)
      SELECT CASE i % 2 WHEN 0 THEN 'with' ELSE 'without' END FROM generate_series(1, 2000) AS i`)
    await until(async () => (await unfinished()) === 0, 'all have ended', 25_000)
    const [counts] = await harness.query(`
      SELECT (SELECT count(*)::int FROM effects) AS effects,
        (SELECT count(DISTINCT id)::int FROM effects) AS different,
        (SELECT count(DISTINCT instance)::int FROM effects) AS instances,
        (SELECT count(*)::int FROM job_histories) AS histories,
        (SELECT count(*)::int FROM queue_jobs WHERE leaseepoch = 2 AND statusid = 3) AS once`)
    expect(counts).toMatchObject({ effects: 1000, different: 1000, instances: 2, histories: 2000 })
    // A few may have been claimed and given back unbegun.
    expect(Number(counts!['once'])).toBeGreaterThan(1_000)
  })

  it('of which some kill the connection of others go on', async () => {
    await harness.query('CREATE TABLE effects (id text)')
    await harness.start(
      [
        defineHandler({
          name: 'h',
          maxRetries: 20,
          run: async ({ tx, job }) => {
            await tx.sql`insert into effects values (${job.id})`
          },
        }),
      ],
      { pools: [{ name: 'rest', workers: 10 }], leaseMs: 1_000 },
    )
    await harness.query(`INSERT INTO queue_jobs (handler) SELECT 'h' FROM generate_series(1, 1500)`)
    // Each kill waits for work done since the last: at a pace of its own, a slow machine would do nothing else.
    for (let left = 1_500; left > 200;) {
      await harness.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name LIKE 'crossdock%' AND datname = current_database() AND random() < 0.3`)
      const next = left - 20
      left = await until(
        async () => {
          const now = await unfinished()
          return now <= next ? now : undefined
        },
        'some have ended since the last kill',
        20_000,
      )
    }
    await until(async () => (await unfinished()) === 0, 'all have ended', 20_000)
    const [counts] = await harness.query(`
      SELECT (SELECT count(*)::int FROM effects) AS effects,
        (SELECT count(DISTINCT id)::int FROM effects) AS different,
        (SELECT count(*)::int FROM job_histories WHERE statusid = 3) AS completions,
        count(*) FILTER (WHERE statusid = ${STATUS.completed})::int AS completed
      FROM queue_jobs`)
    expect(counts).toEqual({ effects: 1500, different: 1500, completions: 1500, completed: 1500 })
  })
})
