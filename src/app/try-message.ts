import { v7 } from 'uuid'
import type { Configuration } from '../config/configuration.ts'
import { CrossdockError } from '../domain/errors.ts'
import type { Headers } from '../domain/job.ts'
import type { Log } from '../ports/log.ts'
import type { ClaimedJob } from '../ports/store.ts'
import { messageAsJob } from '../worker/trial-job.ts'
import { payloadText } from './payload-text.ts'
import { withTrials, type TryOptions, type TryReport } from './trials.ts'

/** A message that is stored nowhere. */
export interface UnstoredMessage {
  readonly handler: string
  readonly body: Uint8Array
  /** Default: JSON. */
  readonly contentType?: string | undefined
  readonly headers: Headers
  readonly key?: string | undefined
  readonly tenantId?: string | undefined
}

/** A stored job, and the handler where it is another one than the job's. */
export interface StoredMessage {
  readonly job: string
  readonly handler?: string | undefined
}

/**
 * Runs today's handler on a message, in a transaction that is rolled back.
 * @throws CrossdockError `job_not_found`, `usage` when there is no such handler, `migration_pending`
 */
export async function tryMessage(
  configuration: Configuration,
  message: StoredMessage | UnstoredMessage,
  options: TryOptions,
  log: Log,
): Promise<TryReport> {
  return await withTrials(configuration, log, async (trials) => {
    if (!('job' in message)) {
      const { handler } = message
      return { handler, job: undefined, trial: await trials.run(asJob(message), options) }
    }
    const job = await trials.store.findJob(message.job)
    if (job === undefined) {
      throw new CrossdockError('job_not_found', `there is no job '${message.job}'`)
    }
    const { handler } = message
    return await trials.runStored(job, { ...options, ...(handler !== undefined && { handler }) })
  })
}

function asJob({
  handler,
  body,
  contentType,
  headers,
  key,
  tenantId,
}: UnstoredMessage): ClaimedJob {
  return messageAsJob({
    id: v7(),
    handler,
    ...payloadText(body),
    contentType,
    headers,
    metadata: key === undefined ? undefined : { key },
    tenantId,
  })
}
