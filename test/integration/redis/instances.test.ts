import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startCrossdock, type CrossdockInstance, type Part } from '../../../src/app.ts'
import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import { createMariadbDatabase, startMariadb } from '../../services/mariadb.ts'
import type { MariadbService } from '../../services/mariadb-service.ts'
import { startOrSkip } from '../../services/require.ts'
import { until } from '../worker/harness.ts'
import { recordingLog } from '../worker/recording-log.ts'
import { useRedis } from './redis-harness.ts'

const redis = useRedis({ ours: true })

let mariadb: MariadbService | undefined
let instances: CrossdockInstance[] = []

beforeAll(async () => {
  mariadb = await startOrSkip('mariadb', () => startMariadb())
})

afterEach(async () => {
  for (const instance of instances.toReversed()) await instance.shutdown()
  instances = []
  await redis.services[0]?.restart()
})

afterAll(async () => {
  await mariadb?.stop()
})

/** An instance that nothing but a wake-up makes look for jobs within a minute. */
async function start(url: string, only: readonly Part[], ran: string[]): Promise<string> {
  const note = defineHandler({
    name: 'note',
    run: ({ job }) => {
      ran.push(job.id)
      return Promise.resolve(null)
    },
  })
  const instance = await startCrossdock({
    config: {
      database: { url },
      cache: {
        adapter: 'redis',
        redis: { nodes: [redis.services[0]!.url], key_prefix: redis.keyPrefix },
      },
      jobs: { poll_interval: '60s', handlers: [] },
    },
    handlers: [note],
    only,
    port: 0,
    log: recordingLog(),
  })
  instances.push(instance)
  return instance.url!
}

async function post(url: string): Promise<string> {
  const response = await fetch(`${url}/api/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ handler: 'note', payload: {} }),
  })
  expect(response.status).toBe(202)
  return String((await read(response))['id'])
}

async function get(url: string): Promise<Record<string, unknown>> {
  return await read(await fetch(url))
}

async function read(response: Response): Promise<Record<string, unknown>> {
  return { ...((await response.json()) as object) }
}

describe('instances on one MariaDB, with Redis', () => {
  it('start a job that another one was given at once, although they look once a minute', async ({
    skip,
  }) => {
    if (mariadb === undefined) return skip()
    const url = await createMariadbDatabase(mariadb)
    const ran: string[] = []
    const worker = await start(url, ['worker'], ran)
    const receiver = await start(url, ['api', 'ingest'], [])
    for (const instance of [worker, receiver]) {
      await until(
        async () => (await get(`${instance}/health`))['status'] === 'ok',
        'Redis to be there',
      )
    }
    const channel = `${redis.keyPrefix}:wake-ups`
    await until(
      async () => (await redis.client().pubsub('NUMSUB', channel))[1] === 2,
      'both to listen',
    )
    const first = await post(receiver)
    await until(() => ran.includes(first), 'the first job', 3_000)
    const second = await post(receiver)
    await until(() => ran.includes(second), 'the second job', 3_000)
    expect((await get(`${worker}/status`))['locks']).toMatchObject({
      status: 'leases in the database, and locks in Redis',
      redis: { status: 'ok', nodes: 1, answering: 1 },
    })
  })

  it('go on without Redis, and health says that it is degraded, not down', async ({ skip }) => {
    if (mariadb === undefined) return skip()
    await redis.services[0]!.kill()
    const url = await createMariadbDatabase(mariadb)
    const ran: string[] = []
    const instance = await start(url, ['worker', 'api', 'ingest'], ran)
    const id = await post(instance)
    await until(() => ran.includes(id), 'the job', 3_000)
    const response = await fetch(`${instance}/health`)
    expect(response.status).toBe(200)
    expect(await read(response)).toMatchObject({
      status: 'degraded',
      components: {
        database: { status: 'ok' },
        cache: {
          status: 'degraded',
          detail: expect.stringContaining('jobs run without locks') as unknown,
        },
      },
    })
  })
})
