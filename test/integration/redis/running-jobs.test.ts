import { Redis } from 'ioredis'
import pg from 'pg'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startCrossdock, type CrossdockInstance } from '../../../src/app.ts'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import { createDatabase, type TestDatabase } from '../../services/database.ts'
import type { PostgresqlService } from '../../services/postgresql-service.ts'
import { startOrSkip } from '../../services/require.ts'
import { sharedPostgresql } from '../../services/shared-servers.ts'
import { until } from '../worker/harness.ts'
import { recordingLog } from '../worker/recording-log.ts'
import { useRedis } from './redis-harness.ts'

const LEASE_MS = 2_000
const redis = useRedis({ ours: true })

let postgresql: PostgresqlService | undefined
let database: TestDatabase
let client: pg.Client
let other: Redis
let instance: CrossdockInstance | undefined
let log = recordingLog()
let runs: { readonly id: string; readonly signal: AbortSignal; end(): void }[] = []

const holding = defineHandler({
  name: 'holding',
  run: async ({ job, input, signal }) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    runs.push({ id: job.id, signal, end: resolve })
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error)
    })
    if (!(input as { holds: boolean }).holds) resolve()
    await promise
    return 'done'
  },
})

beforeAll(async () => {
  postgresql = await startOrSkip('postgresql', sharedPostgresql)
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
      jobs: { lease_seconds: LEASE_MS / 1_000, handlers: [] },
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

async function health(component: string, status: string): Promise<boolean> {
  const answer = (await (await fetch(`${instance!.url!}/health`)).json()) as {
    components: Record<string, { status: string }>
  }
  return answer.components[component]?.status === status
}

/** One that holds runs until the test ends it. */
async function insert(id: string, { holds = false } = {}): Promise<void> {
  await client.query('INSERT INTO queue_jobs (id, handler, payload) VALUES ($1, $2, $3)', [
    id,
    'holding',
    JSON.stringify({ holds }),
  ])
}

async function jobOf(id: string): Promise<Record<string, unknown>> {
  const { rows } = await client.query<Record<string, unknown>>(
    'SELECT * FROM queue_jobs WHERE id = $1',
    [id],
  )
  return rows[0] ?? {}
}

async function untilCompleted(id: string): Promise<Record<string, unknown>> {
  return await until(async () => {
    const job = await jobOf(id)
    return job['statusid'] === 3 && job
  }, `job ${id} completed`)
}

function lockOf(id: string): string {
  return `${redis.keyPrefix}:lock:job:${id}`
}

describe('jobs run under their locks', () => {
  it('which are there while they run, and gone afterwards', async () => {
    await insert('one', { holds: true })
    await until(() => runs.length === 1, 'its begin')
    expect(await other.get(lockOf('one'))).toMatch(/:1$/)
    runs[0]?.end()
    await untilCompleted('one')
    await until(async () => (await other.exists(lockOf('one'))) === 0, 'a lock that is gone')
  })

  it('and wait, uncounted, while another process has them; their neighbours do not', async () => {
    await other.set(lockOf('locked'), 'somebody-else:7', 'PX', 60_000)
    await insert('locked')
    await insert('free')
    await untilCompleted('free')
    // Claimed and given back, more than once.
    await until(async () => Number((await jobOf('locked'))['leaseepoch']) >= 4, 'tries to have it')
    expect(runs.map(({ id }) => id)).toEqual(['free'])
    await other.del(lockOf('locked'))
    expect(await untilCompleted('locked')).toMatchObject({ retrycount: 0 })
    const { rows } = await client.query(`SELECT statusid FROM job_histories WHERE jobid = 'locked'`)
    expect(rows).toEqual([{ statusid: 3 }])
  })

  it('and are told when another process takes them; they run again, uncounted', async () => {
    await insert('stolen', { holds: true })
    await until(() => runs.length === 1, 'its begin')
    await other.set(lockOf('stolen'), 'somebody-else:7', 'PX', 60_000)
    await until(() => runs[0]?.signal.aborted, 'its signal')
    expect(runs[0]?.signal.reason).toMatchObject({ code: 'lock_lost' })
    await client.query(`UPDATE queue_jobs SET payload = '{"holds":false}' WHERE id = 'stolen'`)
    await other.del(lockOf('stolen'))
    expect(await untilCompleted('stolen')).toMatchObject({ retrycount: 0, result: '"done"' })
    const { rows } = await client.query(
      `SELECT statusid FROM job_histories WHERE jobid = 'stolen' ORDER BY leaseepoch`,
    )
    expect(rows).toEqual([{ statusid: 0 }, { statusid: 3 }])
  })

  it('and go on by their leases when Redis goes away in the middle, and when it is emptied', async () => {
    await insert('flushed', { holds: true })
    await until(() => runs.length === 1, 'its begin')
    await other.flushall()
    await until(async () => (await other.exists(lockOf('flushed'))) === 1, 'its lock again')
    await redis.services[0]!.kill()
    const heldUntil = Number((await jobOf('flushed'))['leaseexpiresat'])
    await insert('meanwhile')
    await untilCompleted('meanwhile')
    await until(() => health('cache', 'degraded'), 'a degraded cache')
    await until(
      async () => Number((await jobOf('flushed'))['leaseexpiresat']) > heldUntil + LEASE_MS,
      'a lease that was renewed without Redis',
    )
    runs[0]?.end()
    await untilCompleted('flushed')
    expect(runs.map(({ id }) => id)).toEqual(['flushed', 'meanwhile'])
    await redis.services[0]!.restart()
    await until(() => health('cache', 'ok'), 'a Redis that is back', 15_000)
  })
})
