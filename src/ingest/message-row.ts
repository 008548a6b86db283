import { ROUTE_HANDLER } from '../domain/dead-letter.ts'
import type { Job, NewJob } from '../domain/job.ts'
import type { JsonObject } from '../domain/json.ts'
import type { InboundMessage } from '../domain/message.ts'
import {
  addressOf,
  outboundJob,
  outboundOrderingKey,
  type PublicationAddress,
} from '../domain/outbound.ts'
import { replayMetadata } from '../domain/replay.ts'
import { isStorable } from '../domain/storable.ts'
import { travellingHeaders } from '../domain/travelling-headers.ts'
import type { Handler } from '../ports/handler.ts'
import { inboxKey, targetInboxKey } from './inbox-key.ts'
import type { RoutedMessage } from './map-messages.ts'
import type { MappedValues } from './mapped-values.ts'
import type { SubscriptionSettings } from './subscription-settings.ts'

/** What a row is made of. */
export interface RowSource {
  readonly id: string
  readonly message: InboundMessage
  readonly subscription: SubscriptionSettings
  /** It is made of this dead letter, once more, and not of a delivery. */
  readonly replay?: ReplayOrigin | undefined
}

/** The dead letter that a message is replayed from. */
export interface ReplayOrigin {
  readonly jobId: string
  /** Whatever is there already: without an inbox key. */
  readonly force: boolean
}

/** Where a route's row goes. */
export interface RouteTarget extends PublicationAddress {
  /** It stands for its message, as a handler's row does: the first of a subscription without a handler. */
  readonly isForMessage: boolean
}

/** What the column `method` holds. */
export const MAX_METHOD_CHARACTERS = 100

/** A payload without a content type is read as JSON; what the subscription says is none must say so. */
const DEFAULT_CONTENT_TYPE = {
  json: undefined,
  text: 'text/plain; charset=utf-8',
  binary: 'application/octet-stream',
} as const

/** The row of a message for its handler: as it was received, and over that what was mapped. */
export function messageRow(
  source: RowSource,
  mapped: MappedValues,
  handler: Pick<Handler, 'queue' | 'priority'> | undefined,
): NewJob {
  const { message, subscription } = source
  return {
    ...common(source),
    ...payloadColumns(source, mapped),
    queue: subscription.queue ?? handler?.queue,
    priority: mapped.priority ?? subscription.priority ?? handler?.priority,
    maxRetries: subscription.maxRetries,
    timeoutSeconds: subscription.timeoutSeconds,
    headers: mapped.headers ?? message.headers,
    metadata: metadataOf(source, mapped),
    correlationId: mapped.correlationId ?? message.correlationId,
    tenantId: mapped.tenantId,
    orderingKey: mapped.orderingKey ?? message.orderingKey,
    scheduledAt: mapped.scheduledAt,
    dedupeKey: keyOf(source, mapped),
  }
}

/**
 * The row of a message for one target of a route: what the subscription's map made of it, and over that the route's. Attempts
 * and times are the publication's.
 */
export function routeRow(
  source: RowSource,
  mapped: MappedValues,
  { route, values }: RoutedMessage,
  { isForMessage, ...target }: RouteTarget,
): NewJob {
  const { id, message, subscription } = source
  const both = laidOver(mapped, values)
  const key = both.key ?? message.key
  const address = addressOf(target.protocol, target.publication)
  const { payload, payloadEncoding, contentType } = isTombstone(message, both)
    ? {}
    : payloadColumns(source, both)
  return {
    ...outboundJob({
      id,
      ...target,
      payload,
      payloadEncoding,
      contentType: contentType ?? contentTypeOf(source),
      // What a map gave is its author's decision; what was received goes on without what concerns its sender alone.
      headers: both.headers ?? travellingHeaders(message.headers),
      key,
      orderingKey:
        both.orderingKey === undefined ? undefined : outboundOrderingKey(address, both.orderingKey),
      metadata: { ...metadataOf(source, both), route: route.name },
    }),
    priority: both.priority ?? subscription.priority,
    traceparent: message.traceparent,
    correlationId: both.correlationId ?? message.correlationId,
    tenantId: both.tenantId,
    scheduledAt: both.scheduledAt,
    parentJobId: source.replay?.jobId,
    dedupeKey: isForMessage ? keyOf(source, mapped) : targetKeyOf(source, mapped, target),
  }
}

/** What every row of a subscription's message has for its handler, dead or alive. */
export function common({ id, message, subscription, replay }: RowSource): NewJob {
  return {
    id,
    handler: subscription.handler ?? ROUTE_HANDLER,
    type: 'integration',
    direction: 'inbound',
    protocol: message.protocol,
    // The whole of a longer topic stands in the adapter's facts.
    method: message.method.slice(0, MAX_METHOD_CHARACTERS),
    contentType: contentTypeOf({ message, subscription }),
    traceparent: message.traceparent,
    parentJobId: replay?.jobId,
    dedupeKey:
      message.identity === undefined ? undefined : inboxKey(subscription.name, message.identity),
  }
}

function contentTypeOf({
  message,
  subscription,
}: Pick<RowSource, 'message' | 'subscription'>): string | undefined {
  return message.contentType ?? DEFAULT_CONTENT_TYPE[subscription.contentType]
}

/**
 * What makes the message this message. The identity of a replayed one is the dead letter's; a mapped one stays, for the
 * corrected message may have come meanwhile.
 */
function identityOf({ message, replay }: RowSource, mapped: MappedValues): string | undefined {
  if (replay?.force === true) return undefined
  return mapped.dedupeKey ?? (replay === undefined ? message.identity : undefined)
}

function keyOf(source: RowSource, mapped: MappedValues): string | undefined {
  const identity = identityOf(source, mapped)
  return identity === undefined ? undefined : inboxKey(source.subscription.name, identity)
}

function targetKeyOf(
  source: RowSource,
  mapped: MappedValues,
  target: PublicationAddress,
): string | undefined {
  const identity = identityOf(source, mapped)
  return identity === undefined
    ? undefined
    : targetInboxKey(source.subscription.name, identity, target)
}

/** What the later map leaves out stays as the earlier one made it. */
function laidOver(under: MappedValues, over: MappedValues): MappedValues {
  const stated = Object.entries(over).filter(([, value]) => value !== undefined)
  const both: MappedValues = { ...under, ...Object.fromEntries(stated) }
  return under.metadata === undefined || over.metadata === undefined
    ? both
    : { ...both, metadata: { ...under.metadata, ...over.metadata } }
}

/** A record without a value goes on as one: what says that something is deleted must not become a text. */
function isTombstone({ facts }: InboundMessage, { payload }: MappedValues): boolean {
  return payload === undefined && facts?.['tombstone'] === true
}

function payloadColumns(
  { message, subscription }: RowSource,
  mapped: MappedValues,
): Pick<NewJob, 'payload' | 'payloadEncoding' | 'contentType'> {
  return mapped.payload === undefined
    ? payloadOf(message, subscription)
    : mappedPayload(mapped.payload, subscription)
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

/** JSON, whatever was received; of a text subscription a string stays text. */
function mappedPayload(
  json: string,
  { contentType }: SubscriptionSettings,
): Pick<NewJob, 'payload' | 'contentType'> {
  if (contentType === 'text') {
    const value: unknown = JSON.parse(json)
    if (typeof value === 'string' && isStorable(value)) {
      return { payload: value, contentType: DEFAULT_CONTENT_TYPE.text }
    }
  }
  return { payload: json, contentType: 'application/json' }
}

function metadataOf(
  { message, replay }: Pick<RowSource, 'message' | 'replay'>,
  mapped: MappedValues,
): JsonObject {
  const key = mapped.key ?? message.key
  return {
    ...message.facts,
    ...(key !== undefined && { key }),
    ...mapped.metadata,
    ...bodyHash(message),
    ...(replay && replayMetadata(replay.jobId)),
    subscription: message.subscription,
  }
}

/**
 * Whether a job was made of the same bytes. Their hash is compared and not the payload, which need not be
 * the body as it was received; `undefined`: there is none, as in rows of other writers.
 */
export function isSameBody(
  { bodySha256 }: InboundMessage,
  job: Pick<Job, 'metadata'> | undefined,
): boolean | undefined {
  const stored = job?.metadata?.['body_sha256']
  return bodySha256 === undefined || stored === undefined ? undefined : stored === bodySha256
}

/** The hash of a body, where its protocol wants it kept. */
export function bodyHash({ bodySha256 }: InboundMessage): JsonObject {
  return bodySha256 === undefined ? {} : { body_sha256: bodySha256 }
}
