import type { Progress } from '../domain/job.ts'
import type { ProgressUpdate } from '../ports/store.ts'
import type { WorkerContext } from './settings.ts'
import type { HeldJob } from './held.ts'

/** Writes progress, the newest of each job, in groups. */
export interface ProgressWriter {
  set(held: HeldJob, progress: Progress): void
  /** Writes what was not written yet: the execution ends. Resolves at once when there is nothing. */
  finish(held: HeldJob): Promise<void>
}

/** The least time between two writes; a reader sees progress at most this late. */
const INTERVAL_MS = 100

/** Coalesces: a handler may say how far it is as often as it likes, and never waits for it. */
export function createProgressWriter(context: WorkerContext): ProgressWriter {
  const { store, clock, log } = context
  const newest = new Map<HeldJob, ProgressUpdate>()
  let writing = false
  let lastAt = -Infinity

  async function write(): Promise<void> {
    const updates = [...newest.values()]
    newest.clear()
    lastAt = clock.monotonicMs()
    await store.updateProgress(updates).catch((error: unknown) => {
      log.debug({ err: error }, 'progress was not written')
    })
    writing = false
    if (newest.size > 0) schedule()
  }

  function schedule(): void {
    if (writing) return
    writing = true
    const wait = Math.max(0, lastAt + INTERVAL_MS - clock.monotonicMs())
    clock.after(wait, () => void write())
  }

  return {
    set: (held, progress) => {
      newest.set(held, { jobId: held.job.jobId, epoch: held.job.epoch, progress })
      schedule()
    },
    finish: async (held) => {
      const update = newest.get(held)
      if (update === undefined) return
      newest.delete(held)
      await store.updateProgress([update]).catch((error: unknown) => {
        log.debug({ err: error }, 'progress was not written')
      })
    },
  }
}
