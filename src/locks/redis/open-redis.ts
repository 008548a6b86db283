import type { Clock } from '../../ports/clock.ts'
import type { JobLocks } from '../../ports/job-locks.ts'
import type { Log } from '../../ports/log.ts'
import type { WakeUpChannel } from '../../ports/wake-ups.ts'
import { redisAddress } from './address.ts'
import { createJobLocks } from './job-locks.ts'
import { probeLocks } from './lock-scripts.ts'
import { connectNode } from './node.ts'
import { createRedisWakeUps } from './wake-up-channel.ts'

/** What {@link openRedis} takes. */
export interface OpenRedisOptions {
  /** Addresses that the configuration has checked. They hold passwords. */
  readonly urls: readonly string[]
  readonly keyPrefix: string
  /** The instance, as leases name it. */
  readonly owner: string
  /** Locks live as long as leases do, in milliseconds. */
  readonly leaseMs: number
  readonly clock: Clock
  readonly log: Log
}

/** What Redis is used for. */
export interface OpenRedis {
  readonly locks: JobLocks
  readonly wakeUps: WakeUpChannel
  /** Ends every connection, after `locks` and `wakeUps` were stopped. May be called twice. */
  close(): Promise<void>
}

/** Begins to connect to every node, and waits for none: until a majority answers there are no locks. */
export function openRedis(options: OpenRedisOptions): OpenRedis {
  const { urls, keyPrefix, owner, leaseMs, clock, log } = options
  const nodes = urls.map((url) =>
    connectNode({
      address: redisAddress(url),
      probe: (client) => probeLocks(client, { keyPrefix }),
      clock,
      log,
    }),
  )
  const common = { nodes, keyPrefix, clock, log }
  const locks = createJobLocks({ ...common, owner, timeToLiveMs: leaseMs })
  const wakeUps = createRedisWakeUps(common)
  return {
    locks,
    wakeUps,
    close: async () => {
      await locks.stop()
      wakeUps.stopAll()
      for (const node of nodes) node.close()
    },
  }
}
