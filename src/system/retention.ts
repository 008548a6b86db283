import type { Clock } from '../ports/clock.ts'
import type { Handler } from '../ports/handler.ts'
import type { RetentionStore, SweepStep } from '../ports/retention.ts'

/** How long rows are kept, in milliseconds; `null`: for ever. */
export interface RetentionSettings {
  readonly historyMs: number | null
  readonly jobMs: number | null
  readonly inboxMs: number | null
}

/** What {@link retentionHandler} needs. */
export interface RetentionOptions {
  readonly settings: RetentionSettings
  /** Asked when a job runs: there is no store yet when handlers are made. */
  readonly store: () => RetentionStore
  readonly clock: Clock
}

/** Rows that one commit looks at: some milliseconds of work, in which nobody waits for a lock of it. */
const STEP_ROWS = 500

/** Between two steps; at least as long as the step took, so that it is no more than half of a connection's work. */
const LEAST_PAUSE_MS = 20

const MINUTE_MS = 60_000
/** Then it stops by itself; the next run goes on, since what was removed is not walked again. */
const BUDGET_MS = 50 * MINUTE_MS

/** What a run came to, as the job's result has it. */
interface RetentionResult {
  histories: number
  jobs: number
  /** Whether all was looked at. */
  finished: boolean
}

/** `system.retention`: removes histories, and then finished jobs, in small steps that lock nobody out. */
export function retentionHandler({ settings, store, clock }: RetentionOptions): Handler {
  const { historyMs, jobMs, inboxMs } = settings

  return {
    name: 'system.retention',
    queue: 'system',
    transaction: 'none',
    maxRetries: 3,
    timeoutMs: BUDGET_MS + 10 * MINUTE_MS,
    schedule: {
      description: 'Removes histories and finished jobs that were kept long enough',
      // At night, and not of all deployments at once: H is drawn by the id of the row.
      cron: 'H 3 * * *',
      jitterSeconds: 600,
      overlap: 'skip',
    },
    run: async ({ signal, log }) => {
      const retention = store()
      const until = clock.monotonicMs() + BUDGET_MS
      const result: RetentionResult = { histories: 0, jobs: 0, finished: true }

      /** Steps until nothing is left. */
      async function walk(
        kind: 'histories' | 'jobs',
        step: (after: string | null) => Promise<SweepStep>,
      ): Promise<void> {
        for (let after: string | null = null; ;) {
          signal.throwIfAborted()
          if (clock.monotonicMs() > until) {
            result.finished = false
            return
          }
          const from = clock.monotonicMs()
          const done: SweepStep = await step(after)
          result[kind] += done.removed
          if (done.next === null) return
          after = done.next
          await pause(Math.max(LEAST_PAUSE_MS, clock.monotonicMs() - from))
        }
      }

      const pause = (ms: number): Promise<void> =>
        new Promise((resolve) => {
          clock.after(ms, resolve)
        })

      // In this order: a job goes when its histories are gone.
      if (historyMs !== null) {
        await walk('histories', (after) =>
          retention.removeHistories({ after, limit: STEP_ROWS, olderThanMs: historyMs }),
        )
      }
      if (jobMs !== null && historyMs !== null) {
        const olderThanMs = Math.max(jobMs, historyMs)
        await walk('jobs', (after) =>
          retention.removeJobs({ after, limit: STEP_ROWS, olderThanMs, inboxMs }),
        )
      }
      if (!result.finished) {
        log.warn({ ...result }, 'clean-up was not done in time: the next run goes on')
      } else if (result.histories + result.jobs > 0) {
        log.info({ ...result }, 'old rows were removed')
      }
      return { ...result }
    },
  }
}
