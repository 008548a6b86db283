import type { StatusWord } from '../domain/status.ts'

/** What became of a job while somebody waited for it. */
export type WaitOutcome =
  /** It is completed, failed for good or cancelled; `job` is what `GET /api/jobs/:id` answers with. */
  | { readonly ended: true; readonly job: unknown }
  /** Not that anybody knows; `status` is the last that was seen, if any. */
  | { readonly ended: false; readonly status: StatusWord | undefined }

/** Waiting for the end of jobs, for senders who want the result in their answer. */
export interface JobWaits {
  /**
   * Resolves when the job has ended, and otherwise after `limitMs`, when `signal` aborts, when the
   * instance stops, when the job is gone, and at once when too many wait already. Never rejects: a
   * database that is away is asked again. May be called at any time and at once, also for one job.
   */
  untilEnded(
    jobId: string,
    options: { readonly limitMs: number; readonly signal: AbortSignal },
  ): Promise<WaitOutcome>
}
