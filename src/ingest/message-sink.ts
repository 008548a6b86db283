import { CrossdockError, errorMessage, isCrossdockError } from '../domain/errors.ts'
import type { NewJob } from '../domain/job.ts'
import type { InboundMessage } from '../domain/message.ts'
import type { Delivery, DeliveryOptions, InputProblem, MessageSink } from '../ports/adapter.ts'
import type { MakeId } from '../ports/clock.ts'
import type { Mappings } from '../ports/expressions.ts'
import type { HandlerRegistry, ParseInput } from '../ports/handler.ts'
import type { Log } from '../ports/log.ts'
import type { Store } from '../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'
import { type MappedMessage, mapMessages } from './map-messages.ts'
import { deadRow, isSameBody, messageRow, tooLargeRow } from './message-row.ts'
import type { SubscriptionSettings } from './subscription-settings.ts'

/** What {@link createMessageSink} needs. */
export interface MessageSinkOptions {
  readonly subscriptions: readonly SubscriptionSettings[]
  readonly mappings: Mappings
  readonly handlers: HandlerRegistry
  readonly parseInput: ParseInput
  readonly commit: GroupCommit
  readonly store: Pick<Store, 'findJob'>
  readonly makeId: MakeId
  /** Milliseconds since 1970: when a message was received. */
  readonly now: () => number
  readonly log: Log
}

/** A message on its way, and how it is to be taken. */
interface Incoming {
  readonly message: InboundMessage
  readonly subscription: SubscriptionSettings
  readonly how: DeliveryOptions
}

/** Where every adapter puts its messages: from bytes to committed rows. */
export function createMessageSink(options: MessageSinkOptions): MessageSink {
  const { mappings, handlers, parseInput, commit, store, makeId, now, log } = options
  const subscriptions = new Map(options.subscriptions.map((each) => [each.name, each]))

  async function deliver(
    messages: readonly InboundMessage[],
    how: DeliveryOptions,
  ): Promise<readonly Delivery[]> {
    const receivedAtMs = now()
    const prepared = await prepare(messages, receivedAtMs)
    const deliveries = await Promise.all(
      messages.map((message, index) => settle(message, how, prepared[index], receivedAtMs)),
    )
    const [first] = deliveries
    // Nothing was settled: one error says it, and the adapter keeps all of them.
    if (first?.outcome === 'refused' && deliveries.every(({ outcome }) => outcome === 'refused'))
      throw first.error
    return deliveries
  }

  /** What the rules of their subscriptions say of messages: those of one subscription go together. */
  async function prepare(
    messages: readonly InboundMessage[],
    receivedAtMs: number,
  ): Promise<readonly (MappedMessage | CrossdockError)[]> {
    const prepared: (MappedMessage | CrossdockError)[] = []
    const places = Map.groupBy(messages.keys(), (index) => messages[index]?.subscription ?? '')
    await Promise.all(
      [...places].map(async ([name, indexes]) => {
        const subscription = subscriptions.get(name)
        if (subscription === undefined) {
          throw new CrossdockError('usage', `there is no subscription '${name}'`)
        }
        const some = indexes.flatMap((index) => messages[index] ?? [])
        const results = await mapMessages(some, subscription, mappings, receivedAtMs).catch(
          (error: unknown) => {
            if (!isCrossdockError(error)) throw error
            return some.map(() => error)
          },
        )
        indexes.forEach((index, place) => {
          const result = results[place]
          if (result !== undefined) prepared[index] = result
        })
      }),
    )
    return prepared
  }

  async function settle(
    message: InboundMessage,
    how: DeliveryOptions,
    mapped: MappedMessage | CrossdockError | undefined,
    receivedAtMs: number,
  ): Promise<Delivery> {
    const subscription = subscriptions.get(message.subscription)
    if (subscription === undefined || mapped === undefined) {
      throw new CrossdockError('usage', `there is no subscription '${message.subscription}'`)
    }
    if (mapped instanceof CrossdockError) return { outcome: 'refused', error: mapped }
    try {
      return await storeOne({ message, subscription, how }, mapped, receivedAtMs)
    } catch (error) {
      if (!isCrossdockError(error)) throw error
      return { outcome: 'refused', error }
    }
  }

  async function storeOne(
    incoming: Incoming,
    mapped: MappedMessage,
    receivedAtMs: number,
  ): Promise<Delivery> {
    const { message, subscription } = incoming
    if (mapped.outcome === 'filtered') return { outcome: 'filtered' }
    if (mapped.outcome === 'invalid') return await refuse(incoming, mapped.reason, mapped.problems)
    const job = messageRow(
      { id: makeId(), message, subscription },
      mapped.values,
      handlers.get(subscription.handler),
    )
    const problems = await problemsOf(job, subscription)
    if (problems.length > 0) return await refuse(incoming, 'invalid', problems)
    try {
      const outcome = await commit.add(job)
      if (outcome.outcome === 'stored') {
        const waits = job.scheduledAt !== undefined && job.scheduledAt.getTime() > receivedAtMs
        return { outcome: 'stored', jobId: outcome.jobId, status: waits ? 'scheduled' : 'pending' }
      }
      const found = await store.findJob(outcome.jobId).catch(() => undefined)
      return {
        outcome: 'duplicate',
        jobId: outcome.jobId,
        status: found?.status,
        // Under a mapped key two messages are one job because they say the same, not byte for byte.
        sameBody: mapped.values.dedupeKey === undefined ? isSameBody(message, found) : undefined,
      }
    } catch (error) {
      return await overcome(incoming, error)
    }
  }

  /** A row that the database does not take is a dead letter, if there is a way to make it one. */
  async function overcome(incoming: Incoming, error: unknown): Promise<Delivery> {
    const { message, subscription, how } = incoming
    const source = { id: makeId(), message, subscription }
    if (isCrossdockError(error, 'payload_too_large') && how.onInvalid === 'dead') {
      log.warn(
        { subscription: subscription.name, bytes: message.body.byteLength },
        'a message is too large to be stored; a dead letter without its body says so',
      )
      return await bury(tooLargeRow(source, errorMessage(error)))
    }
    if (!isCrossdockError(error, 'database_data', 'database_constraint', 'database_error')) {
      throw error
    }
    log.warn(
      { subscription: subscription.name, err: error },
      'a message could not be stored as asked, and is stored as a dead letter',
    )
    return await bury(deadRow(source, 'not_storable', errorMessage(error)))
  }

  async function refuse(
    { message, subscription, how }: Incoming,
    reason: string,
    problems: readonly InputProblem[],
  ): Promise<Delivery> {
    if ((subscription.onInvalid ?? how.onInvalid) === 'dead') {
      const source = { id: makeId(), message, subscription }
      return await bury(deadRow(source, reason, describe(problems)))
    }
    if (how.onInvalid === 'dead') {
      // Nobody else will ever hear of it.
      log.warn({ subscription: subscription.name, reason }, 'an invalid message was dropped')
    }
    return { outcome: 'invalid', problems }
  }

  async function problemsOf(
    job: NewJob,
    { handler: name }: SubscriptionSettings,
  ): Promise<readonly InputProblem[]> {
    const handler = handlers.get(name)
    // Another instance may have it, and judges the input when it runs.
    if (handler?.input === undefined) return []
    const parsed = await parseInput(handler, {
      payload: job.payload ?? null,
      contentType: job.contentType ?? null,
      payloadEncoding: job.payloadEncoding ?? null,
    })
    return parsed.ok ? [] : parsed.problems
  }

  async function bury(row: NewJob): Promise<Delivery> {
    const outcome = await commit.add(row)
    return { outcome: outcome.outcome === 'stored' ? 'dead' : 'duplicate', jobId: outcome.jobId }
  }

  return { deliver }
}

function describe(problems: readonly InputProblem[]): string {
  return problems
    .map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
    .join('; ')
}
