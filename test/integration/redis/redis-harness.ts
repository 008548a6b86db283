import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { v7 } from 'uuid'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { systemClock } from '../../../src/app/system-clock.ts'
import { openRedis, type OpenRedis } from '../../../src/locks/redis/open-redis.ts'
import type { JobLocks } from '../../../src/ports/job-locks.ts'
import type { ExecutionKey } from '../../../src/ports/store.ts'
import { startRedis } from '../../services/redis.ts'
import type { RedisService } from '../../services/redis-service.ts'
import { startOrSkip } from '../../services/require.ts'
import { recordingLog, type LoggedLine } from '../worker/recording-log.ts'
import { until } from '../worker/harness.ts'

/** One instance's use of Redis. */
export interface Opened extends OpenRedis {
  readonly logged: readonly LoggedLine[]
  /** What its locks were told to be lost, so far. */
  readonly lost: readonly ExecutionKey[]
}

/** What a file of tests needs of Redis. */
export interface RedisHarness {
  readonly services: readonly RedisService[]
  /** Opens the servers for an instance; it is closed after the test. */
  open(
    owner: string,
    options?: { readonly leaseMs?: number; readonly urls?: readonly string[] },
  ): Opened
  /** The same, once its locks are ok. */
  ready(owner: string, options?: { readonly leaseMs?: number }): Promise<Opened>
  /** What another client sees: the values of locks, by job, on the first server or another one. */
  lockOf(key: ExecutionKey, node?: number): Promise<string | null>
  /** Another client of a server. */
  client(node?: number): Redis
  /** Of this test. */
  readonly keyPrefix: string
}

/**
 * Sets the file's hooks: so many servers, and what each test opens is closed after it. `ours`: tests
 * stop and kill them, or count on several, and are left out on a server that somebody else runs.
 */
export function useRedis({
  count = 1,
  ours = false,
}: { readonly count?: number; readonly ours?: boolean } = {}): RedisHarness {
  let services: readonly RedisService[] = []
  let keyPrefix = ''
  let cleanUps: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    const started = await startOrSkip('redis', () =>
      Promise.all(Array.from({ length: count }, startRedis)),
    )
    services = (started ?? []).filter(({ controllable }) => controllable || !ours)
  })

  beforeEach(({ skip }) => {
    if (services.length === 0) skip()
    keyPrefix = `test-${randomBytes(6).toString('hex')}`
  })

  afterEach(async () => {
    for (const cleanUp of cleanUps.toReversed()) await cleanUp()
    cleanUps = []
  })

  afterAll(async () => {
    await Promise.all(services.map((service) => service.stop()))
  })

  const open: RedisHarness['open'] = (owner, options = {}) => {
    const log = recordingLog()
    const redis = openRedis({
      urls: options.urls ?? services.map(({ url }) => url),
      keyPrefix,
      owner,
      leaseMs: options.leaseMs ?? 30_000,
      clock: systemClock,
      log,
    })
    cleanUps.push(() => redis.close())
    const lost: ExecutionKey[] = []
    redis.locks.onLost((keys) => lost.push(...keys))
    return { ...redis, logged: log.lines, lost }
  }

  function client(node = 0): Redis {
    const made = new Redis(services[node]!.url)
    made.on('error', () => undefined)
    cleanUps.push(async () => {
      made.disconnect()
    })
    return made
  }

  return {
    get services() {
      return services
    },
    get keyPrefix() {
      return keyPrefix
    },
    open,
    ready: async (owner, options) => {
      const opened = open(owner, options)
      await untilHealth(opened.locks, 'ok')
      return opened
    },
    client,
    lockOf: async ({ jobId }, node = 0) => client(node).get(`${keyPrefix}:lock:job:${jobId}`),
  }
}

/** Resolves once locks have this health. */
export async function untilHealth(locks: JobLocks, status: 'ok' | 'degraded'): Promise<void> {
  await until(() => locks.health().status === status, `locks that are ${status}`)
}

/** Executions of jobs that nobody has heard of. */
export function executions(count: number, epoch = 1): readonly ExecutionKey[] {
  return Array.from({ length: count }, () => ({ jobId: v7(), epoch }))
}
