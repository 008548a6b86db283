import { isJsonType, mediaType } from '../domain/content-type.ts'
import { CrossdockError, errorMessage } from '../domain/errors.ts'
import { headerProblem } from '../domain/header-rules.ts'
import type { NewJob } from '../domain/job.ts'
import { outboundJob } from '../domain/outbound.ts'
import type { PublishMessage } from '../ports/handler.ts'
import type { ClaimedJob } from '../ports/store.ts'
import type { WorkerContext } from './settings.ts'

/** What the column `orderingkey` holds, in characters. */
const MAX_ORDERING_KEY = 255

/**
 * The row of a message that a handler publishes. What cannot be one is told to the handler at once, and not
 * to nobody when the job commits.
 * @throws CrossdockError `publication_unknown`, `message_invalid`
 */
export function publishedMessage(
  { publications, makeId }: Pick<WorkerContext, 'publications' | 'makeId'>,
  job: ClaimedJob,
  address: string,
  message: PublishMessage,
): NewJob {
  const publication = publications.find(address)
  if (publication === undefined) throw unknownPublication(address, publications.closest(address))
  const { key, headers, orderingKey } = message
  if (key !== undefined) checkText('key', key)
  if (orderingKey !== undefined && orderingKey !== null) {
    checkText('orderingKey', orderingKey)
    if (Array.from(orderingKey).length > MAX_ORDERING_KEY) {
      throw invalid(`the orderingKey is longer than ${MAX_ORDERING_KEY} characters`)
    }
  }
  for (const [name, value] of Object.entries(headers ?? {})) {
    const problem = headerProblem(name, value)
    if (problem !== undefined) throw invalid(problem)
  }
  return {
    ...outboundJob({
      id: makeId(),
      protocol: publication.protocol,
      publication: publication.name,
      ...storedPayload(message),
      headers,
      key,
      orderingKey,
      metadata: message.metadata,
    }),
    priority: message.priority,
    maxRetries: message.maxRetries,
    delayMs: message.delayMs,
    scheduledAt: message.scheduledAt,
    parentJobId: job.jobId,
    tenantId: message.tenantId ?? job.tenantId ?? undefined,
    correlationId: message.correlationId ?? job.correlationId ?? undefined,
    traceparent: job.traceparent ?? undefined,
  }
}

/** A payload as its columns have it. */
function storedPayload({
  payload,
  contentType,
}: PublishMessage): Pick<NewJob, 'payload' | 'contentType' | 'payloadEncoding'> {
  if (contentType !== undefined) checkText('contentType', contentType)
  if (payload === undefined) return { contentType }
  if (payload instanceof Uint8Array) return base64(payload, contentType)
  if (
    typeof payload === 'string' &&
    contentType !== undefined &&
    !isJsonType(mediaType(contentType))
  ) {
    // No column holds a NUL.
    return payload.includes('\0') || !payload.isWellFormed()
      ? base64(Buffer.from(payload), contentType)
      : { payload, contentType }
  }
  let text: string | undefined
  try {
    text = toJson(payload)
  } catch (error) {
    throw invalid(`the payload has no JSON: ${errorMessage(error)}`)
  }
  if (text === undefined) throw invalid('the payload has no JSON: give data, or bytes')
  return { payload: text, contentType }
}

/** `undefined` for what has no JSON, which the declared type of JSON.stringify leaves out. */
function toJson(value: unknown): string | undefined {
  return JSON.stringify(value)
}

function base64(
  bytes: Uint8Array,
  contentType = 'application/octet-stream',
): Pick<NewJob, 'payload' | 'contentType' | 'payloadEncoding'> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
  return { payload: text, contentType, payloadEncoding: 'base64' }
}

function checkText(what: string, value: unknown): void {
  if (typeof value !== 'string' || value === '')
    throw invalid(`the ${what} is no text, or an empty one`)
  if (value.includes('\0') || !value.isWellFormed()) {
    throw invalid(`the ${what} has a NUL character, or half of a surrogate pair`)
  }
}

function invalid(why: string): CrossdockError {
  return new CrossdockError('message_invalid', `publish() was given what no message can be: ${why}`)
}

function unknownPublication(address: string, meant: string | undefined): CrossdockError {
  const advice =
    meant === undefined
      ? 'add it below integrations.<protocol>.publications'
      : `did you mean '${meant}'?`
  return new CrossdockError(
    'publication_unknown',
    `there is no publication '${address.slice(0, 200)}'; ${advice}`,
  )
}
