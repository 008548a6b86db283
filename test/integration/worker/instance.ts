import { v7 } from 'uuid'
import { createLeaseKeeper } from '../../../src/app/lease-keeper.ts'
import type { StoreAddress } from '../../../src/app/open-store.ts'
import { systemClock } from '../../../src/app/system-clock.ts'
import { createRegistry } from '../../../src/handler-kit/registry.ts'
import { parseInput } from '../../../src/handler-kit/validate-input.ts'
import type { Handler } from '../../../src/ports/handler.ts'
import { NO_LOCKS, type JobLocks } from '../../../src/ports/job-locks.ts'
import { NO_PUBLICATIONS } from '../../../src/ports/outbound.ts'
import type { Store } from '../../../src/ports/store.ts'
import type { WakeUpChannel } from '../../../src/ports/wake-ups.ts'
import type { WorkerSettings } from '../../../src/worker/settings.ts'
import { startWakeUps, type RunningWakeUps } from '../../../src/worker/wake-ups.ts'
import { createTurnGiver } from '../../../src/worker/turns.ts'
import { createWorkers, type Workers } from '../../../src/worker/workers.ts'
import { recordingLog, type LoggedLine } from './recording-log.ts'

/** An instance's workers on the database of the running test. */
export interface Instance {
  readonly store: Store
  readonly wakeUps: RunningWakeUps
  readonly workers: Workers
  /** Everything logged so far. */
  readonly logged: readonly LoggedLine[]
  /** As a shutdown does it; may be called twice. */
  stop(graceMs?: number): Promise<void>
}

/** What an instance has beside its store. */
export interface InstanceExtras {
  /** Ways to other instances, beside the database's. */
  readonly channels?: readonly WakeUpChannel[]
  /** Default: none. They are stopped by whoever made them. */
  readonly locks?: JobLocks
}

/** Starts workers on a store, which is closed when they are stopped. */
export async function startInstance(
  store: Store,
  address: StoreAddress,
  handlers: readonly Handler[],
  settings: Partial<WorkerSettings> & Pick<WorkerSettings, 'owner' | 'leaseMs'>,
  { channels = [], locks = NO_LOCKS }: InstanceExtras = {},
): Promise<Instance> {
  const log = recordingLog()
  const wakeUps = await startWakeUps({ channels: [store, ...channels], clock: systemClock, log })
  const workers = createWorkers({
    settings: {
      pools: [{ name: 'rest', workers: 5 }],
      serves: () => true,
      pollIntervalMs: 60_000,
      maxRetries: 3,
      timeoutMs: 60_000,
      retry: { type: 'fixed', initialMs: 20, maxMs: 1_000, factor: 1, jitter: 0 },
      graceMs: 300,
      historyPayloads: 'changed',
      ...settings,
    },
    store,
    handlers: createRegistry(handlers),
    publications: NO_PUBLICATIONS,
    parseInput,
    wakeUps,
    leases: createLeaseKeeper(
      {
        owner: settings.owner,
        token: v7(),
        leaseMs: settings.leaseMs,
        silenceMs: 60_000,
      },
      address,
      log,
    ),
    locks,
    clock: systemClock,
    makeId: v7,
    random: Math.random,
    log,
  })
  const turns = createTurnGiver({ store, wakeUps, clock: systemClock, log })
  turns.start()
  workers.start()
  let stopping: Promise<void> | undefined
  const stop = (graceMs = 5_000): Promise<void> =>
    (stopping ??= (async () => {
      await workers.stop(graceMs)
      await turns.stop()
      await wakeUps.stop()
      await store.close()
    })())
  return { store, wakeUps, workers, logged: log.lines, stop }
}
