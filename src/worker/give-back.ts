import { turnOf } from '../domain/turn.ts'
import type { Completions } from './completions.ts'
import type { HeldJob, HeldJobs } from './held.ts'
import type { WorkerContext } from './settings.ts'

/** Returns jobs that have not begun, uncounted; without `delayMs` they are ready again at once. */
export type GiveBack = (jobs: readonly HeldJob[], delayMs?: number) => void

/** Jobs are given back with the next group of ends. */
export function createGiveBack(
  { settings, wakeUps }: WorkerContext,
  { held, completions }: { readonly held: HeldJobs; readonly completions: Completions },
): GiveBack {
  return (jobs, delayMs = 0) => {
    for (const each of jobs) {
      completions.add(
        {
          jobId: each.job.jobId,
          epoch: each.job.epoch,
          ending: { kind: 'returned', delayMs },
          durationMs: null,
          retryAttempt: each.job.retryCount,
          executedBy: settings.owner,
        },
        () => {
          held.remove(each)
          wakeUps.turns(turnOf(each.job))
          if (delayMs === 0) wakeUps.ready([each.job.queue])
        },
      )
    }
  }
}
