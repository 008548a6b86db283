import { CrossdockError, errorMessage, isCrossdockError } from '../domain/errors.ts'
import type { NewJob } from '../domain/job.ts'
import type { InboundMessage } from '../domain/message.ts'
import type { StatusWord } from '../domain/status.ts'
import type { Delivery, DeliveryOptions, InputProblem, MessageSink } from '../ports/adapter.ts'
import type { MakeId } from '../ports/clock.ts'
import type { Mappings } from '../ports/expressions.ts'
import type { HandlerRegistry, ParseInput } from '../ports/handler.ts'
import type { Log } from '../ports/log.ts'
import type { Store } from '../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'
import { type MappedMessage, mapMessages } from './map-messages.ts'
import { deadRow, deadRowCopy, tooLargeRow } from './dead-row.ts'
import { isSameBody, type RowSource } from './message-row.ts'
import { inputProblems, messageRows } from './message-rows.ts'
import { routeMessages } from './route-messages.ts'
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
  /** All that it came in with. */
  readonly batch: object
}

/** A message that becomes rows. */
interface SoundMessage {
  readonly incoming: Incoming
  readonly rows: readonly NewJob[]
  readonly first: NewJob
  readonly mapped: Extract<MappedMessage, { readonly outcome: 'mapped' }>
}

/** What is to become of a message. */
type Judged =
  | { readonly is: 'filtered' }
  | { readonly is: 'refused'; readonly error: CrossdockError }
  | {
      readonly is: 'invalid'
      readonly incoming: Incoming
      readonly reason: string
      readonly problems: readonly InputProblem[]
    }
  | (SoundMessage & { readonly is: 'sound' })

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
    const judged = await Promise.all(
      messages.map((message, index) => judge({ message, how, batch: messages }, prepared[index])),
    )
    // Each goes to be committed at once, in this order: nothing is waited for before.
    const deliveries = await Promise.all(judged.map((one) => settle(one, receivedAtMs)))
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
        const results = await mapMessages(some, subscription, mappings, receivedAtMs)
          .then((mapped) => routeMessages(some, mapped, subscription, mappings, receivedAtMs))
          .catch((error: unknown) => {
            if (!isCrossdockError(error)) throw error
            return some.map(() => error)
          })
        indexes.forEach((index, place) => {
          const result = results[place]
          if (result !== undefined) prepared[index] = result
        })
      }),
    )
    return prepared
  }

  /** What is to become of a message, before anything is stored: a handler's schema may take its time. */
  async function judge(
    { message, how, batch }: Omit<Incoming, 'subscription'>,
    mapped: MappedMessage | CrossdockError | undefined,
  ): Promise<Judged> {
    const subscription = subscriptions.get(message.subscription)
    if (subscription === undefined || mapped === undefined) {
      throw new CrossdockError('usage', `there is no subscription '${message.subscription}'`)
    }
    if (mapped instanceof CrossdockError) return { is: 'refused', error: mapped }
    const incoming = { message, subscription, how, batch }
    if (mapped.outcome === 'filtered') return { is: 'filtered' }
    if (mapped.outcome === 'invalid') {
      return { is: 'invalid', incoming, reason: mapped.reason, problems: mapped.problems }
    }
    try {
      const rows = messageRows({ message, subscription }, mapped, { handlers, makeId })
      const [first] = rows
      // No route wants it, and there is no handler.
      if (first === undefined) return { is: 'filtered' }
      const problems = await inputProblems(first, { handlers, parseInput })
      if (problems.length > 0) return { is: 'invalid', incoming, reason: 'invalid', problems }
      return { is: 'sound', incoming, rows, first, mapped }
    } catch (error) {
      if (!isCrossdockError(error)) throw error
      return { is: 'refused', error }
    }
  }

  async function settle(judged: Judged, receivedAtMs: number): Promise<Delivery> {
    try {
      switch (judged.is) {
        case 'filtered':
          return { outcome: 'filtered' }
        case 'refused':
          return { outcome: 'refused', error: judged.error }
        case 'invalid':
          return await refuse(judged.incoming, judged.reason, judged.problems)
        case 'sound':
          return await storeOne(judged, receivedAtMs)
      }
    } catch (error) {
      if (!isCrossdockError(error)) throw error
      return { outcome: 'refused', error }
    }
  }

  async function storeOne(
    { incoming, rows, first, mapped }: SoundMessage,
    receivedAtMs: number,
  ): Promise<Delivery> {
    const { message } = incoming
    try {
      const outcome = await commit.addTogether(rows, incoming.batch)
      if (outcome.outcome === 'stored') {
        return { outcome: 'stored', jobId: outcome.jobId, status: firstStatus(first, receivedAtMs) }
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
    const { message, subscription, how, batch } = incoming
    const source = { id: makeId(), message, subscription }
    if (isCrossdockError(error, 'payload_too_large') && how.onInvalid === 'dead') {
      log.warn(
        { subscription: subscription.name, bytes: message.body.byteLength },
        'a message is too large to be stored; a dead letter without its body says so',
      )
      return await bury(tooLargeRow(source, errorMessage(error)), source, batch)
    }
    if (!isCrossdockError(error, 'database_data', 'database_constraint', 'database_error')) {
      throw error
    }
    log.warn(
      { subscription: subscription.name, err: error },
      'a message could not be stored as asked, and is stored as a dead letter',
    )
    return await bury(deadRow(source, 'not_storable', errorMessage(error)), source, batch)
  }

  async function refuse(
    { message, subscription, how, batch }: Incoming,
    reason: string,
    problems: readonly InputProblem[],
  ): Promise<Delivery> {
    if ((subscription.onInvalid ?? how.onInvalid) === 'dead') {
      const source = { id: makeId(), message, subscription }
      return await bury(deadRow(source, reason, describe(problems)), source, batch)
    }
    if (how.onInvalid === 'dead') {
      // Nobody else will ever hear of it.
      log.warn({ subscription: subscription.name, reason }, 'an invalid message was dropped')
    }
    return { outcome: 'invalid', problems }
  }

  /** The dead letter, and in the same commit what tells its subscription's `dead_letter` of it. */
  async function bury(row: NewJob, source: RowSource, batch: object): Promise<Delivery> {
    const target = source.subscription.deadLetter
    const copy = target === undefined ? [] : [deadRowCopy(row, source, target, makeId())]
    const outcome = await commit.addTogether([row, ...copy], batch).catch((error: unknown) => {
      if (copy.length === 0 || !isCrossdockError(error, 'payload_too_large')) throw error
      // Twice the body is too much: the copy goes without it, and names the row that has it.
      const empty = copy.map((one) => ({ ...one, payload: undefined, payloadEncoding: undefined }))
      return commit.addTogether([row, ...empty], batch)
    })
    return { outcome: outcome.outcome === 'stored' ? 'dead' : 'duplicate', jobId: outcome.jobId }
  }

  return { deliver }
}

function firstStatus(row: NewJob, receivedAtMs: number): StatusWord {
  if (row.scheduledAt !== undefined && row.scheduledAt.getTime() > receivedAtMs) return 'scheduled'
  return row.orderingKey === undefined ? 'pending' : 'queued'
}

function describe(problems: readonly InputProblem[]): string {
  return problems
    .map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
    .join('; ')
}
