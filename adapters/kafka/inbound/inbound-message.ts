import type { Headers } from '../../../src/domain/job.ts'
import type { InboundMessage } from '../../../src/domain/message.ts'
import { validTraceparent } from '../../../src/domain/traceparent.ts'
import type { KafkaRecord, TopicPartition } from '../driver.ts'
import { keyText } from '../key-text.ts'

const MAX_COLUMN_CHARACTERS = 255
const JSON_NULL = Buffer.from('null')
const NOTHING = Buffer.alloc(0)

/** Where a record came in. */
export interface RecordOrigin extends TopicPartition {
  readonly clusterId: string
  readonly subscription: string
  readonly contentType: 'json' | 'text' | 'binary'
  /** Whether jobs of the same key run one at a time, in the order of their records. */
  readonly isOrderedByKey: boolean
}

/**
 * A record as it came in. A tombstone, which has no value, is JSON's `null` where JSON is expected and else empty, and its
 * facts say so. A topic that is made anew begins at offset 0 again: the timestamp tells its records from the former ones.
 */
export function inboundMessage(record: KafkaRecord, origin: RecordOrigin): InboundMessage {
  const { topic, partition, clusterId, contentType } = origin
  const { offset, timestampMs, value } = record
  const headers = headersOf(record.headers)
  const key = keyText(record.key)
  return {
    protocol: 'kafka',
    subscription: origin.subscription,
    method: topic,
    body: value ?? (contentType === 'json' ? JSON_NULL : NOTHING),
    contentType: textOf(headers, 'content-type'),
    headers,
    identity: `${clusterId}/${topic}/${partition}/${offset}/${timestampMs}`,
    key,
    orderingKey: origin.isOrderedByKey ? key : undefined,
    traceparent: validTraceparent(textOf(headers, 'traceparent')),
    correlationId: textOf(headers, 'correlation-id'),
    facts: {
      topic,
      partition,
      offset: Number(offset),
      timestamp: timestampMs,
      ...(value === null && { tombstone: true }),
    },
  }
}

/** Names as sent, an array where one repeats, and what is no text as base64. */
function headersOf(entries: KafkaRecord['headers']): Headers {
  const all = new Map<string, readonly (string | { readonly base64: string })[]>()
  for (const [name, bytes] of entries) {
    all.set(name, [...(all.get(name) ?? []), shown(bytes ?? NOTHING)])
  }
  // Object.fromEntries defines its members: a header named __proto__ is only a header.
  return Object.fromEntries(
    [...all].map(([name, values]) => {
      const [first = ''] = values
      return [name, values.length === 1 ? first : values.map(listed)]
    }),
  )
}

function shown(bytes: Buffer): string | { readonly base64: string } {
  if (!bytes.includes(0)) {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    } catch {
      // Not text.
    }
  }
  return { base64: bytes.toString('base64') }
}

/** In a list there are texts alone. */
function listed(value: string | { readonly base64: string }): string {
  return typeof value === 'string' ? value : value.base64
}

function textOf(headers: Headers, name: string): string | undefined {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined
  const one: unknown = Array.isArray(value) ? value[0] : value
  return typeof one === 'string' && one !== '' && one.length <= MAX_COLUMN_CHARACTERS
    ? one
    : undefined
}
