import type { Job } from '../domain/job.ts'
import type { DeadLetter } from '../ports/dead-letters.ts'
import { jobJson } from './job-json.ts'
import { JsonText } from './resource.ts'

/** A dead letter as lists show it. */
export function deadLetterJson(
  letter: DeadLetter & { readonly replayedAs: string | undefined },
): object {
  return {
    id: letter.id,
    handler: letter.handler,
    protocol: letter.protocol,
    direction: letter.direction,
    method: letter.method,
    queue: letter.queue,
    subscription: letter.subscription,
    dead_reason: letter.deadReason,
    error: letter.error,
    attempts: letter.startedAt === null ? 0 : letter.retryCount + 1,
    tenant_id: letter.tenantId,
    created_at: letter.createdAt,
    replayed_as: letter.replayedAs ?? null,
  }
}

/** One with all that its row has: a job, and what makes it a dead letter. */
export function deadJobJson(job: Job, replayedAs: string | undefined): JsonText {
  const more = JSON.stringify({ dead_reason: job.deadReason, replayed_as: replayedAs ?? null })
  return new JsonText(`${more.slice(0, -1)},${jobJson(job).text.slice(1)}`)
}
