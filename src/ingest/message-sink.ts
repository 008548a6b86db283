import { CrossdockError, errorMessage, isCrossdockError } from '../domain/errors.ts'
import type { Job, NewJob } from '../domain/job.ts'
import type { JsonObject } from '../domain/json.ts'
import type { InboundMessage } from '../domain/message.ts'
import type { Delivery, DeliveryOptions, InputProblem, MessageSink } from '../ports/adapter.ts'
import type { MakeId } from '../ports/clock.ts'
import type { HandlerRegistry, ParseInput } from '../ports/handler.ts'
import type { Log } from '../ports/log.ts'
import type { Store } from '../ports/store.ts'
import type { GroupCommit } from './group-commit.ts'
import { inboxKey } from './inbox-key.ts'

/** How the messages of one subscription become jobs. */
export interface SubscriptionSettings {
  readonly name: string
  readonly handler: string
  readonly queue?: string | undefined
  readonly priority?: number | undefined
  readonly maxRetries?: number | undefined
  readonly timeoutSeconds?: number | undefined
  readonly contentType: 'json' | 'text' | 'binary'
}

/** What the column `method` holds. */
const MAX_METHOD_CHARACTERS = 100

/** What {@link createMessageSink} needs. */
export interface MessageSinkOptions {
  readonly subscriptions: readonly SubscriptionSettings[]
  readonly handlers: HandlerRegistry
  readonly parseInput: ParseInput
  readonly commit: GroupCommit
  readonly store: Pick<Store, 'findJob'>
  readonly makeId: MakeId
  readonly log: Log
}

/** A payload without a content type is read as JSON; what the subscription says is none must say so. */
const DEFAULT_CONTENT_TYPE = {
  json: undefined,
  text: 'text/plain; charset=utf-8',
  binary: 'application/octet-stream',
} as const

/** Where every adapter puts its messages: from bytes to committed rows. */
export function createMessageSink(options: MessageSinkOptions): MessageSink {
  const { handlers, parseInput, commit, store, makeId, log } = options
  const subscriptions = new Map(options.subscriptions.map((each) => [each.name, each]))

  async function deliverOne(message: InboundMessage, how: DeliveryOptions): Promise<Delivery> {
    const subscription = subscriptions.get(message.subscription)
    if (subscription === undefined) {
      throw new CrossdockError('usage', `there is no subscription '${message.subscription}'`)
    }
    const job = jobOf(message, subscription)
    const problems = await problemsOf(job, subscription)
    if (problems.length > 0) {
      if (how.onInvalid === 'reject') return { outcome: 'invalid', problems }
      return await bury(message, subscription, 'invalid', describe(problems))
    }
    try {
      const outcome = await commit.add(job)
      if (outcome.outcome === 'stored') {
        return { outcome: 'stored', jobId: outcome.jobId, status: 'pending' }
      }
      const found = await store.findJob(outcome.jobId).catch(() => undefined)
      return {
        outcome: 'duplicate',
        jobId: outcome.jobId,
        status: found?.status,
        sameBody: isSameBody(message, found),
      }
    } catch (error) {
      if (!isCrossdockError(error, 'database_data', 'database_constraint', 'database_error'))
        throw error
      log.warn(
        { subscription: subscription.name, err: error },
        'a message could not be stored as asked, and is stored as a dead letter',
      )
      return await bury(message, subscription, 'not_storable', errorMessage(error))
    }
  }

  function jobOf(message: InboundMessage, subscription: SubscriptionSettings): NewJob {
    const handler = handlers.get(subscription.handler)
    return {
      ...common(message, subscription),
      ...payloadOf(message, subscription),
      queue: subscription.queue ?? handler?.queue,
      priority: subscription.priority ?? handler?.priority,
      maxRetries: subscription.maxRetries,
      timeoutSeconds: subscription.timeoutSeconds,
      headers: message.headers,
      metadata: metadataOf(message),
      correlationId: message.correlationId,
    }
  }

  function common(message: InboundMessage, subscription: SubscriptionSettings): NewJob {
    return {
      id: makeId(),
      handler: subscription.handler,
      type: 'integration',
      direction: 'inbound',
      protocol: message.protocol,
      // The whole of a longer topic stands in the adapter's facts.
      method: message.method.slice(0, MAX_METHOD_CHARACTERS),
      contentType: message.contentType ?? DEFAULT_CONTENT_TYPE[subscription.contentType],
      traceparent: message.traceparent,
      dedupeKey:
        message.identity === undefined ? undefined : inboxKey(subscription.name, message.identity),
    }
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

  /**
   * Stores a message that could not be stored as asked: its raw bytes as base64 and nothing else of it,
   * so that no data of it can be refused again.
   */
  async function bury(
    message: InboundMessage,
    subscription: SubscriptionSettings,
    reason: string,
    error: string,
  ): Promise<Delivery> {
    const outcome = await commit.add({
      ...common(message, subscription),
      traceparent: undefined,
      contentType: 'application/octet-stream',
      method: printable(message.method).slice(0, MAX_METHOD_CHARACTERS),
      payload: Buffer.from(message.body).toString('base64'),
      payloadEncoding: 'base64',
      metadata: { subscription: subscription.name, ...bodyHash(message) },
      dead: { reason, error: printable(error) },
    })
    return { outcome: outcome.outcome === 'stored' ? 'dead' : 'duplicate', jobId: outcome.jobId }
  }

  return {
    deliver: (messages, how) => Promise.all(messages.map((message) => deliverOne(message, how))),
  }
}

/**
 * The payload as text where it is text. Bytes that no text column holds (NUL, invalid UTF-8) and binary
 * subscriptions keep theirs as base64.
 */
function payloadOf(
  { body }: InboundMessage,
  { contentType }: SubscriptionSettings,
): Pick<NewJob, 'payload' | 'payloadEncoding'> {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  if (contentType !== 'binary' && !bytes.includes(0)) {
    try {
      return { payload: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) }
    } catch {
      // Not UTF-8: kept byte for byte below.
    }
  }
  return { payload: bytes.toString('base64'), payloadEncoding: 'base64' }
}

function metadataOf(message: InboundMessage): JsonObject {
  return {
    subscription: message.subscription,
    ...message.facts,
    ...bodyHash(message),
    ...(message.key !== undefined && { key: message.key }),
  }
}

/**
 * Whether a job was made of the same bytes. Their hash is compared and not the payload, which need not be
 * the body as it was received; `undefined`: there is none, as in rows of other writers.
 */
function isSameBody({ bodySha256 }: InboundMessage, job: Job | undefined): boolean | undefined {
  const stored = job?.metadata?.['body_sha256']
  return bodySha256 === undefined || stored === undefined ? undefined : stored === bodySha256
}

function bodyHash({ bodySha256 }: InboundMessage): JsonObject {
  return bodySha256 === undefined ? {} : { body_sha256: bodySha256 }
}

function describe(problems: readonly InputProblem[]): string {
  return problems
    .map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
    .join('; ')
}

function printable(text: string): string {
  return text.replaceAll('\0', '�').toWellFormed().slice(0, 2_000)
}
