import { createGroup } from './group.ts'
import type { HeldJob, HeldJobs } from './held.ts'
import type { WorkerContext } from './settings.ts'

/** Writes that executions began. */
export interface Begins {
  /** Soon, together with others; not at all when the execution has ended by then. */
  soon(held: HeldJob): void
  /** Now. Resolves to whether the execution is still ours. */
  now(held: HeldJob): Promise<boolean>
}

/** Most handlers end before this, and their begin is never written on its own. */
const WAIT_MS = 50

/**
 * Only an execution whose begin was written counts as an attempt when its process dies. A job that was
 * taken from a dead process begins in writing before its handler starts: otherwise one that kills its
 * process at once would do so for ever.
 */
export function createBegins(context: WorkerContext, held: HeldJobs): Begins {
  const { store, clock, log } = context
  const group = createGroup<HeldJob>({
    clock,
    max: 1_000,
    waitMs: WAIT_MS,
    flush: async (items) => {
      const running = items.filter((item) => item.abort !== undefined && held.has(item))
      if (running.length === 0) return
      await store.begin(running.map((item) => item.job)).catch((error: unknown) => {
        log.debug({ err: error }, 'begins were not written')
      })
    },
    onFault: (error) => {
      log.error({ err: error }, 'begins were not written')
    },
  })
  return {
    soon: (item) => {
      group.add(item)
    },
    now: async (item) => (await store.begin([item.job])).length === 1,
  }
}
