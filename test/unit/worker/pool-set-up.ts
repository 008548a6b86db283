import { defineHandler } from '../../../src/handler-kit/define-handler.ts'
import { createRegistry } from '../../../src/handler-kit/registry.ts'
import { NO_LOCKS, type JobLocks } from '../../../src/ports/job-locks.ts'
import type { ClaimedJob, Store } from '../../../src/ports/store.ts'
import { createAlone } from '../../../src/worker/alone.ts'
import { createCompletions } from '../../../src/worker/completions.ts'
import { createHeldJobs, type HeldJob } from '../../../src/worker/held.ts'
import { createPool, type Pool } from '../../../src/worker/pool.ts'
import type { PoolSettings } from '../../../src/worker/settings.ts'
import { workerContext } from './context.ts'

let seq = 0
/** What a claim gives. */
export function claimed(jobId: string, queue = 'default'): ClaimedJob {
  seq += 1
  return {
    jobId,
    epoch: 1,
    rank: 0,
    seq: String(seq),
    handler: 'h',
    queue,
    retryCount: 0,
  } as ClaimedJob
}

/** A pool on a made-up store, with what it is made of. */
export function setUp(
  store: Partial<Store>,
  {
    run = () => Promise.resolve(),
    locks = NO_LOCKS,
    ...pool
  }: Partial<PoolSettings> & {
    run?: (held: HeldJob) => Promise<void>
    locks?: JobLocks
  } = {},
) {
  const {
    context: base,
    clock,
    wakeUps,
    leases,
  } = workerContext({
    settle: (settlements) => Promise.resolve([...settlements]),
    ...store,
  })
  const handlers = createRegistry([defineHandler({ name: 'h', run: () => undefined })])
  const context = { ...base, handlers, locks }
  const held = createHeldJobs(context, { onTrouble: () => undefined, onReplaced: () => undefined })
  const completions = createCompletions(context)
  const alone = createAlone(clock, {
    running: () => made.running(),
    wantToWork: () => made.wantsToWork(),
  })
  const made: Pool = createPool(
    context,
    { name: 'rest', workers: 2, ...pool },
    { held, alone, completions, run, serves: () => true },
  )
  return { pool: made, clock, wakeUps, leases, held, completions }
}
