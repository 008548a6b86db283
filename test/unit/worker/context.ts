import { createRegistry } from '../../../src/handler-kit/registry.ts'
import { parseInput } from '../../../src/handler-kit/validate-input.ts'
import { NO_LOCKS } from '../../../src/ports/job-locks.ts'
import { NO_PUBLICATIONS } from '../../../src/ports/outbound.ts'
import type { Store } from '../../../src/ports/store.ts'
import type { WorkerContext, WorkerSettings } from '../../../src/worker/settings.ts'
import { countingWakeUps, silentLog } from '../ingest/fake-store.ts'
import { fakeLeases } from './fake-leases.ts'
import { manualClock } from './manual-clock.ts'

/** What the parts of a worker are given, with a store of the methods that a test needs. */
export function workerContext(store: Partial<Store>, settings: Partial<WorkerSettings> = {}) {
  const clock = manualClock()
  const wakeUps = countingWakeUps()
  const leases = fakeLeases()
  const context: WorkerContext = {
    settings: {
      owner: 'me',
      pools: [],
      serves: () => true,
      pollIntervalMs: 5_000,
      leaseMs: 30_000,
      maxRetries: 3,
      timeoutMs: 60_000,
      retry: { type: 'fixed', initialMs: 1_000, maxMs: 1_000, factor: 1, jitter: 0 },
      graceMs: 1_000,
      historyPayloads: 'changed',
      ...settings,
    },
    store: store as Store,
    handlers: createRegistry([]),
    publications: NO_PUBLICATIONS,
    parseInput,
    wakeUps,
    leases,
    locks: NO_LOCKS,
    clock,
    makeId: () => 'id',
    random: () => 0,
    log: silentLog,
  }
  return { context, clock, wakeUps, leases }
}
