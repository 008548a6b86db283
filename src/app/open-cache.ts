import type { Configuration } from '../config/configuration.ts'
import type { HealthCheck } from '../observe/health.ts'
import type { Clock } from '../ports/clock.ts'
import { NO_LOCKS, type JobLocks } from '../ports/job-locks.ts'
import type { Log } from '../ports/log.ts'
import type { WakeUpChannel } from '../ports/wake-ups.ts'

/** What the configured cache is used for. */
export interface OpenCache {
  readonly locks: JobLocks
  /** Ways to other instances, beside the database's; none without a cache. */
  readonly channels: readonly WakeUpChannel[]
  /** Its component of health; none without a cache. */
  readonly checks: Readonly<Record<string, HealthCheck>>
  /** What `/status` shows as `locks`. */
  status(): object
  /** Ends its connections, after `locks` and what listens on `channels` were stopped. */
  close(): Promise<void>
}

const WITHOUT: OpenCache = {
  locks: NO_LOCKS,
  channels: [],
  checks: {},
  status: () => ({ status: 'leases in the database' }),
  close: () => Promise.resolve(),
}

/** Begins to connect to the cache of the configuration, and waits for nothing: it may be away. */
export async function openCache(
  { cache, instance, jobs }: Configuration,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<OpenCache> {
  if (cache.adapter === 'none') return WITHOUT
  const { openRedis } = await import('../locks/redis/open-redis.ts')
  const redis = openRedis({
    urls: cache.redis.nodes,
    keyPrefix: cache.redis.keyPrefix,
    owner: instance.id,
    leaseMs: jobs.leaseMs,
    clock,
    log,
  })
  const { locks } = redis
  return {
    locks,
    channels: [redis.wakeUps],
    checks: { cache: () => locks.health() },
    status: () => {
      const { status, detail, facts } = locks.health()
      return {
        status: 'leases in the database, and locks in Redis',
        redis: { status, ...(detail !== undefined && { detail }), ...facts },
      }
    },
    close: () => redis.close(),
  }
}
