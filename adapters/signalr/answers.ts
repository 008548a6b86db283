import { errorMessage } from '../../src/domain/errors.ts'
import type { Delivery } from '../../src/ports/adapter.ts'
import type { Json } from '../../src/domain/json.ts'
import type { SignalrSubscriptionOptions } from './options/subscription.ts'

/** The hub is told that what it invoked was not done: the library returns what is thrown as text. */
export class RefusedCall extends Error {
  override readonly name = 'RefusedCall'

  /** Without the name: this is what the hub sees. */
  override toString(): string {
    return this.message
  }
}

/**
 * What a hub that waits is answered, after the COMMIT.
 * @throws RefusedCall for what is not stored
 */
export function answerTo(delivery: Delivery, form: SignalrSubscriptionOptions['result']): Json {
  switch (delivery.outcome) {
    case 'refused':
      throw notStored(delivery.error)
    case 'invalid': {
      const [first] = delivery.problems
      const where = first === undefined || first.path === '' ? '' : ` at ${first.path}`
      throw new RefusedCall(
        `The message is invalid${where}: ${first?.message ?? 'it does not fit'}`,
      )
    }
    case 'filtered':
      return resultOf(form, null, delivery.outcome)
    case 'stored':
    case 'duplicate':
    case 'dead':
      return resultOf(form, delivery.jobId, delivery.outcome)
  }
}

/** For what could not be stored now, and may be another time. */
export function notStored(error: unknown): RefusedCall {
  return new RefusedCall(`It is not stored, and may be sent again: ${errorMessage(error)}`)
}

function resultOf(
  form: SignalrSubscriptionOptions['result'],
  jobId: string | null,
  outcome: string,
): Json {
  switch (form) {
    case 'job_id':
      return jobId
    case 'job':
      return { job_id: jobId, outcome }
    case 'true':
      return true
    case 'null':
      return null
  }
}
