import type { NewJob } from '../../../src/domain/job.ts'
import { createGroupCommit, type GroupCommitOptions } from '../../../src/ingest/group-commit.ts'
import { manualClock } from '../worker/manual-clock.ts'
import { countingWakeUps, fakeStore, silentLog } from './fake-store.ts'

/** A group commit on a store and a clock that the test drives. */
export function setUp(
  options: Partial<GroupCommitOptions> = {},
  answer?: Parameters<typeof fakeStore>[0],
) {
  const store = fakeStore(answer)
  const clock = manualClock()
  const wakeUps = countingWakeUps()
  const commit = createGroupCommit({
    store,
    clock,
    wakeUps,
    log: silentLog,
    random: () => 0,
    ...options,
  })
  return { store, clock, wakeUps, commit, inserts: store.inserts }
}

/** A new job. */
export const job = (id: string, more: Partial<NewJob> = {}): NewJob => ({
  id,
  handler: 'h',
  ...more,
})

/** How a promise stands. */
export function watch<T>(promise: Promise<T>): { state: string; value?: T; error?: unknown } {
  const watched: { state: string; value?: T; error?: unknown } = { state: 'pending' }
  promise.then(
    (value) => Object.assign(watched, { state: 'resolved', value }),
    (error: unknown) => Object.assign(watched, { state: 'rejected', error }),
  )
  return watched
}
