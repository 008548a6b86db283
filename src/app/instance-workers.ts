import type { Configuration } from '../config/configuration.ts'
import { parseInput } from '../handler-kit/validate-input.ts'
import type { WorkerContext } from '../worker/settings.ts'
import { createWorkers, type Workers } from '../worker/workers.ts'
import { createLeaseKeeper } from './lease-keeper.ts'
import type { StoreAddress } from './open-store.ts'
import type { ServedQueues } from './pools.ts'

/** What {@link createInstanceWorkers} needs beside the configuration. */
export interface InstanceWorkersOptions extends Omit<
  WorkerContext,
  'settings' | 'leases' | 'parseInput'
> {
  readonly serving: ServedQueues
  /** Tells this process from another one with the same `instance.id`. */
  readonly token: string
  /** The database, for the thread that renews leases. */
  readonly address: StoreAddress
}

/** The workers that a configuration describes, and the keeper of their leases. */
export function createInstanceWorkers(
  { instance, jobs }: Configuration,
  { serving, token, address, ...parts }: InstanceWorkersOptions,
): Workers {
  const timeoutMs = jobs.timeoutSeconds * 1000
  return createWorkers({
    ...parts,
    parseInput,
    settings: {
      owner: instance.id,
      pools: serving.pools,
      serves: serving.serves,
      pollIntervalMs: jobs.pollIntervalMs,
      leaseMs: jobs.leaseMs,
      maxRetries: jobs.maxRetries,
      timeoutMs,
      retry: jobs.retry,
      graceMs: jobs.shutdownGraceMs,
      historyPayloads: jobs.historyPayloads,
    },
    leases: createLeaseKeeper(
      {
        owner: instance.id,
        token,
        leaseMs: jobs.leaseMs,
        silenceMs: timeoutMs + jobs.shutdownGraceMs,
      },
      address,
      parts.log,
    ),
  })
}
