import type { Batch, KafkaMessage } from 'kafkajs'
import type { KafkaBatch, KafkaRecord } from '../driver.ts'

/** What the library has fetched. */
export function batchOf(batch: Batch): KafkaBatch {
  return {
    topic: batch.topic,
    partition: batch.partition,
    records: batch.messages.map(recordOf),
    nextOffset: BigInt(batch.lastOffset()) + 1n,
  }
}

function recordOf({ offset, timestamp, key, value, headers }: KafkaMessage): KafkaRecord {
  return {
    offset: BigInt(offset),
    timestampMs: Number(timestamp),
    key,
    value,
    headers: Object.entries(headers ?? {}).flatMap(([name, values]) =>
      // The library counts what every object has under such a name, as `constructor`, to its values.
      [values]
        .flat()
        .filter(isValue)
        .map((one) => [name, bytesOf(one)] as const),
    ),
  }
}

function isValue(one: unknown): one is Buffer | string | null | undefined {
  return one === null || one === undefined || typeof one === 'string' || Buffer.isBuffer(one)
}

/** The library's types know nothing of a header without a value, and it gives `null` for it. */
function bytesOf(value: Buffer | string | null | undefined): Buffer | null {
  return value === null || value === undefined ? null : Buffer.from(value)
}
