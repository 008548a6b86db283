import { createHash } from 'node:crypto'
import { deadLetterCopy } from '../domain/dead-letter.ts'
import type { NewJob } from '../domain/job.ts'
import type { JsonObject } from '../domain/json.ts'
import type { InboundMessage } from '../domain/message.ts'
import { addressOf, type PublicationAddress } from '../domain/outbound.ts'
import { bodyHash, common, MAX_METHOD_CHARACTERS, type RowSource } from './message-row.ts'
import { cleaned, keptBesideBody, printable } from './received-message.ts'

/**
 * The row of a message that could not be stored as asked: its raw bytes as base64, and cleaned of what no column takes the
 * rest of it, so that no data of it can be refused again. Its inbox key is the protocol's own, also where one is
 * mapped: the sender may correct what stands in the payload and send it again under the same key.
 */
export function deadRow(source: RowSource, reason: string, error: string): NewJob {
  const { message, subscription } = source
  const { headers, received } = keptBesideBody(message)
  return {
    ...common(source),
    traceparent: undefined,
    contentType: 'application/octet-stream',
    method: printable(message.method).slice(0, MAX_METHOD_CHARACTERS).toWellFormed(),
    payload: Buffer.from(message.body).toString('base64'),
    payloadEncoding: 'base64',
    headers,
    metadata: {
      subscription: subscription.name,
      ...bodyHash(message),
      ...(received && { received }),
    },
    dead: { reason, error: printable(error) },
  }
}

/**
 * The row of a message that is too large for any row: without its body, but with what finds it again at its
 * source.
 */
export function tooLargeRow(source: RowSource, error: string): NewJob {
  const { message, subscription } = source
  return {
    ...deadRow({ ...source, message: { ...message, body: new Uint8Array() } }, 'too_large', error),
    payload: undefined,
    payloadEncoding: undefined,
    metadata: {
      ...(cleaned(message.facts ?? {}) as JsonObject),
      subscription: subscription.name,
      bytes: message.body.byteLength,
      sha256: createHash('sha256').update(message.body).digest('hex'),
    },
  }
}

/** The message that tells a subscription's `dead_letter` of a dead row. */
export function deadRowCopy(
  row: NewJob,
  { message, subscription }: RowSource,
  target: PublicationAddress,
  copyId: string,
): NewJob {
  return deadLetterCopy(
    {
      id: row.id,
      subscription: addressOf(message.protocol, subscription.name),
      reason: row.dead?.reason ?? '',
      error: row.dead?.error ?? '',
      handler: row.handler,
      method: row.method,
      attempts: 0,
      payload: row.payload,
      contentType: cleanedText(message.contentType) ?? row.contentType,
      payloadEncoding: row.payloadEncoding,
      headers: row.headers,
      key: message.key,
    },
    target,
    copyId,
  )
}

function cleanedText(text: InboundMessage['contentType']): string | undefined {
  return text === undefined ? undefined : printable(text).slice(0, 255).toWellFormed()
}
