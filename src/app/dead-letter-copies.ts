import type { SubscriptionConfiguration } from '../config/configuration.ts'
import {
  deadLetterCopy,
  type FailedJob,
  isDeadLetterCopy,
  isSentTo,
} from '../domain/dead-letter.ts'
import { addressOf } from '../domain/outbound.ts'
import type { NewJob } from '../domain/job.ts'
import type { MakeId } from '../ports/clock.ts'
import type { FailedEnding } from '../ports/store.ts'

/**
 * What goes to a subscription's `dead_letter` when one of its jobs fails for good. Which subscription that is stands in the
 * job's metadata; a job whose subscription this instance's configuration does not have makes no copy.
 */
export function deadLetterCopies(
  subscriptions: readonly SubscriptionConfiguration[],
  makeId: MakeId,
): ((job: FailedJob, ending: FailedEnding) => readonly NewJob[]) | undefined {
  const targets = new Map(
    subscriptions.flatMap(({ name, protocol, deadLetter }) =>
      deadLetter === undefined
        ? []
        : [[name, { address: addressOf(protocol, name), deadLetter }] as const],
    ),
  )
  if (targets.size === 0) return undefined
  return (job, ending) => {
    const name = job.metadata?.['subscription']
    const target = typeof name === 'string' ? targets.get(name) : undefined
    if (target === undefined || isDeadLetterCopy(job.metadata)) return []
    // A message that could not be sent there is not sent there again.
    if (isSentTo(job, target.deadLetter)) return []
    const key = job.metadata?.['key']
    const source = {
      ...job,
      subscription: target.address,
      reason: ending.deadReason,
      error: ending.error,
      attempts: job.retryCount + 1,
      key: typeof key === 'string' ? key : undefined,
    }
    return [deadLetterCopy(source, target.deadLetter, makeId())]
  }
}
