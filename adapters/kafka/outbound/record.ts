import type { Headers } from '../../../src/domain/job.ts'
import type { OutboundMessage } from '../../../src/ports/outbound.ts'
import type { OutgoingRecord } from '../driver.ts'
import { keyBytes } from '../key-text.ts'
import { topicNameProblem } from '../topic-name.ts'

/** A record that can be sent, and about how many bytes it has; or why it never can. */
export type MadeRecord =
  | { readonly ok: true; readonly record: OutgoingRecord; readonly bytes: number }
  | { readonly ok: false; readonly problem: string }

const CONTENT_TYPE = 'content-type'
const MAX_PARTITION = 2_147_483_647

/** What a record has beside its texts and bytes, and each header beside its own, at most. */
const RECORD_OVERHEAD_BYTES = 70
const HEADER_OVERHEAD_BYTES = 10

/** A job's message as a record. A row without a payload is a tombstone. */
export function outgoingRecord(message: OutboundMessage): MadeRecord {
  const { target, payload, isNull } = message
  const { topic, partition } = target
  if (typeof topic !== 'string') {
    return { ok: false, problem: 'The template of the topic gave no text.' }
  }
  const problem = topicNameProblem(topic)
  if (problem !== undefined) {
    return { ok: false, problem: `The topic '${topic.slice(0, 200)}' ${problem}.` }
  }
  const place = partition === undefined ? undefined : partitionOf(partition)
  if (place === null) {
    const shown = JSON.stringify(partition).slice(0, 200)
    return { ok: false, problem: `The partition ${shown} is no whole number from 0 on.` }
  }
  const record: OutgoingRecord = {
    topic,
    ...(place !== undefined && { partition: place }),
    key: keyBytes(message.key),
    value: isNull === true ? null : Buffer.from(payload.buffer, payload.byteOffset, payload.length),
    headers: recordHeaders(message),
  }
  return { ok: true, record, bytes: sizeOf(record) }
}

function partitionOf(value: unknown): number | null {
  const number = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value
  if (typeof number !== 'number' || !Number.isInteger(number)) return null
  return number >= 0 && number <= MAX_PARTITION ? number : null
}

function recordHeaders({ headers, contentType }: OutboundMessage): OutgoingRecord['headers'] {
  const isTyped = Object.keys(headers).some((name) => name.toLowerCase() === CONTENT_TYPE)
  const named = Object.entries(headers).flatMap(([name, value]) =>
    valuesOf(value).map((each) => [name, each] as const),
  )
  return isTyped || contentType === undefined
    ? named
    : [...named, [CONTENT_TYPE, Buffer.from(contentType)]]
}

function valuesOf(value: Headers[string]): readonly Buffer[] {
  if (typeof value === 'string') return [Buffer.from(value)]
  if ('base64' in value) return [Buffer.from(value.base64, 'base64')]
  return value.map((one) => Buffer.from(one))
}

function sizeOf({ key, value, headers }: OutgoingRecord): number {
  const inHeaders = headers.reduce(
    (bytes, [name, each]) => bytes + Buffer.byteLength(name) + each.length + HEADER_OVERHEAD_BYTES,
    0,
  )
  return RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0) + inHeaders
}
