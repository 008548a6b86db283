import type { Configuration } from '../config/configuration.ts'
import { CrossdockError } from '../domain/errors.ts'
import type { Job, NewJob } from '../domain/job.ts'
import { PROTOCOLS } from '../domain/job-type.ts'
import { mapMessages } from '../ingest/map-messages.ts'
import { receivedMessage } from '../ingest/received-message.ts'
import { messageRow } from '../ingest/message-row.ts'
import type { Mappings } from '../ports/expressions.ts'
import type { Log } from '../ports/log.ts'
import { openMappings, subscriptionRules } from './mappings.ts'

/** Reasons of dead letters that hold what was received: no schema was met, and nothing was mapped. */
const RAW_REASONS: readonly (string | null)[] = [
  'invalid',
  'schema_invalid',
  'mapping_failed',
  'not_storable',
]

/** Takes dead letters that were never accepted through today's subscriptions. */
export interface Acceptance {
  /** Whether a job holds the bytes of a message as it was received. */
  isRaw(job: Job): boolean
  /**
   * The row that the message would be today. Headers, query and key are not kept with a dead letter.
   * @throws CrossdockError `input_invalid` when it would be refused still, or be filtered out
   */
  accept(job: Job): Promise<NewJob>
  stop(): Promise<void>
}

/** Evaluates nothing before the first message. */
export function createAcceptance({ subscriptions }: Configuration, log: Log): Acceptance {
  let mappings: Mappings | undefined
  return {
    isRaw: (job) =>
      job.payloadEncoding === 'base64' &&
      RAW_REASONS.includes(job.deadReason) &&
      subscriptionOf(job) !== undefined,
    accept: async (job) => {
      const name = subscriptionOf(job)
      const protocol = PROTOCOLS.find((known) => known === job.protocol)
      const subscription = subscriptions.find(
        (each) => each.name === name && each.protocol === protocol,
      )
      if (subscription === undefined || protocol === undefined) {
        throw refused(`there is no subscription '${job.protocol ?? ''}:${name ?? ''}' any more`)
      }
      const message = receivedMessage(job)
      if (message === undefined) throw refused('its body was not kept')
      mappings ??= openMappings(subscriptionRules(subscriptions), log)
      const received = job.createdAt.getTime()
      const [result] = await mapMessages([message], subscription, mappings, received)
      if (result === undefined || result.outcome === 'filtered') {
        throw refused(`subscription '${subscription.name}' filters it out`)
      }
      if (result.outcome === 'invalid') {
        const list = result.problems.map(({ path, message: why }) =>
          path === '' ? why : `${path}: ${why}`,
        )
        throw refused(
          `subscription '${subscription.name}' refuses it (${result.reason}): ${list.join('; ')}`,
        )
      }
      return messageRow({ id: job.id, message, subscription }, result.values, undefined)
    },
    stop: async () => await mappings?.stop(),
  }
}

function subscriptionOf({ metadata }: Job): string | undefined {
  const name = metadata?.['subscription']
  return typeof name === 'string' ? name : undefined
}

function refused(message: string): CrossdockError {
  return new CrossdockError('input_invalid', message)
}
