import { Redis } from 'ioredis'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startCrossdock, type CrossdockInstance } from '../../../src/app.ts'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import { createDatabase, type TestDatabase } from '../../services/database.ts'
import { startPostgresql } from '../../services/postgresql.ts'
import type { PostgresqlService } from '../../services/postgresql-service.ts'
import { startOrSkip } from '../../services/require.ts'
import { until } from '../worker/harness.ts'
import { recordingLog } from '../worker/recording-log.ts'
import { useRedis } from './redis-harness.ts'

const redis = useRedis({ ours: true })

let postgresql: PostgresqlService | undefined
let database: TestDatabase
let client: pg.Client
let other: Redis
let instance: CrossdockInstance | undefined
let log = recordingLog()
let runs: { readonly id: string; readonly signal: AbortSignal }[] = []

const holding = defineHandler({
  name: 'holding',
  run: async ({ job, input, signal }) => {
    runs.push({ id: job.id, signal })
    await new Promise((resolve, reject) => {
      setTimeout(resolve, (input as { ms: number }).ms)
      signal.addEventListener('abort', () => {
        reject(signal.reason as Error)
      })
    })
    return 'done'
  },
})

beforeAll(async () => {
  postgresql = await startOrSkip('postgresql', () => startPostgresql())
})

beforeEach(async ({ skip }) => {
  const [node] = redis.services
  if (postgresql === undefined || node === undefined) return skip()
  database = await createDatabase(postgresql)
  other = new Redis(node.url)
  other.on('error', () => undefined)
  log = recordingLog()
  runs = []
  instance = await startCrossdock({
    config: {
      database: { url: database.url },
      cache: { adapter: 'redis', redis: { nodes: [node.url], key_prefix: redis.keyPrefix } },
      jobs: { lease_seconds: 2, handlers: [] },
    },
    handlers: [holding],
    port: 0,
    log,
  })
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await until(() => log.lines.length > 0 && health('cache', 'ok'), 'a Redis that answers')
})

afterEach(async () => {
  await instance?.shutdown()
  instance = undefined
  other.disconnect()
  await client.end()
  await database.drop()
})

afterAll(async () => {
  await postgresql?.stop()
})

async function health(component: string, status: string): Promise<boolean> {
  const answer = (await (await fetch(`${instance!.url!}/health`)).json()) as {
    components: Record<string, { status: string }>
  }
  return answer.components[component]?.status === status
}

async function insert(id: string, ms: number): Promise<void> {
  await client.query('INSERT INTO queue_jobs (id, handler, payload) VALUES ($1, $2, $3)', [
    id,
    'holding',
    JSON.stringify({ ms }),
  ])
}

async function untilCompleted(id: string): Promise<Record<string, unknown>> {
  return await until(async () => {
    const { rows } = await client.query<Record<string, unknown>>(
      'SELECT * FROM queue_jobs WHERE id = $1',
      [id],
    )
    return rows[0]?.['statusid'] === 3 && rows[0]
  }, `job ${id} completed`)
}

function lockOf(id: string): string {
  return `${redis.keyPrefix}:lock:job:${id}`
}

describe('jobs run under their locks', () => {
  it('which are there while they run, and gone afterwards', async () => {
    await insert('one', 500)
    await until(() => runs.length === 1, 'its begin')
    expect(await other.get(lockOf('one'))).toMatch(/:1$/)
    await untilCompleted('one')
    await until(async () => (await other.exists(lockOf('one'))) === 0, 'a lock that is gone')
  })

  it('and wait, uncounted, while another process has them; their neighbours do not', async () => {
    await other.set(lockOf('locked'), 'somebody-else:7', 'PX', 60_000)
    await insert('locked', 1)
    await insert('free', 1)
    await untilCompleted('free')
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(runs.map(({ id }) => id)).toEqual(['free'])
    await other.del(lockOf('locked'))
    expect(await untilCompleted('locked')).toMatchObject({ retrycount: 0 })
    const { rows } = await client.query(`SELECT statusid FROM job_histories WHERE jobid = 'locked'`)
    expect(rows).toEqual([{ statusid: 3 }])
  })

  it('and are told when another process takes them; they run again, uncounted', async () => {
    await insert('stolen', 6_000)
    await until(() => runs.length === 1, 'its begin')
    await other.set(lockOf('stolen'), 'somebody-else:7', 'PX', 60_000)
    await until(() => runs[0]?.signal.aborted, 'its signal')
    expect(runs[0]?.signal.reason).toMatchObject({ code: 'lock_lost' })
    await client.query(`UPDATE queue_jobs SET payload = '{"ms":1}' WHERE id = 'stolen'`)
    await other.del(lockOf('stolen'))
    expect(await untilCompleted('stolen')).toMatchObject({ retrycount: 0, result: '"done"' })
    const { rows } = await client.query(
      `SELECT statusid FROM job_histories WHERE jobid = 'stolen' ORDER BY leaseepoch`,
    )
    expect(rows).toEqual([{ statusid: 0 }, { statusid: 3 }])
  })

  it('and go on by their leases when Redis goes away in the middle, and when it is emptied', async () => {
    await insert('flushed', 4_000)
    await until(() => runs.length === 1, 'its begin')
    await other.flushall()
    await until(async () => (await other.exists(lockOf('flushed'))) === 1, 'its lock again')
    await redis.services[0]!.kill()
    await insert('meanwhile', 1)
    await untilCompleted('meanwhile')
    await untilCompleted('flushed')
    await until(() => health('cache', 'degraded'), 'a degraded cache')
    expect(runs.map(({ id }) => id)).toEqual(['flushed', 'meanwhile'])
    await redis.services[0]!.restart()
    await until(() => health('cache', 'ok'), 'a Redis that is back', 15_000)
  })
})
