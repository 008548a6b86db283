import { describe, expect, it } from 'vitest'
import type { KafkaBatch, KafkaRecord } from '../../../adapters/kafka/driver.ts'
import { inboundMessage } from '../../../adapters/kafka/inbound/inbound-message.ts'
import {
  type HeldRecord,
  PartitionProgress,
} from '../../../adapters/kafka/inbound/partition-progress.ts'

const PLACE = { topic: 't', partition: 3 }

function record(offset: number): KafkaRecord {
  const value = Buffer.from(String(offset))
  return { offset: BigInt(offset), timestampMs: 1, key: null, value, headers: [] }
}

function batch(offsets: readonly number[], nextOffset: number): KafkaBatch {
  return { ...PLACE, records: offsets.map(record), nextOffset: BigInt(nextOffset) }
}

function take(progress: PartitionProgress, of: KafkaBatch): readonly HeldRecord[] {
  const origin = { ...PLACE, clusterId: 'c', subscription: 's' }
  return progress.take(of, (one) =>
    inboundMessage(one, { ...origin, contentType: 'json', isOrderedByKey: true }),
  )
}

describe('how far a partition is', () => {
  it('is not known before anything has come in', () => {
    expect(new PartitionProgress(PLACE).position).toBeUndefined()
  })

  it('is the first record that is not settled, whatever is settled behind it', () => {
    const progress = new PartitionProgress(PLACE)
    const held = take(progress, batch([5, 6, 8], 10))
    expect(progress.position).toBe(5n)
    for (const one of held.slice(1)) progress.settle(one)
    expect(progress.position).toBe(5n)
    for (const one of held) progress.settle(one)
    // Behind the marks of transactions after it.
    expect(progress.position).toBe(10n)
    expect([progress.count, progress.bytes]).toEqual([0, 0])
  })

  it('goes behind what is only marks, but not past what is held', () => {
    const progress = new PartitionProgress(PLACE)
    const [held] = take(progress, batch([1], 2))
    take(progress, batch([], 4))
    expect(progress.position).toBe(1n)
    if (held !== undefined) progress.settle(held)
    expect(progress.position).toBe(4n)
  })

  it('counts a record once, however often it is settled, over many thousands of them', () => {
    const progress = new PartitionProgress(PLACE)
    for (let from = 0; from < 20_000; from += 100) {
      const offsets = Array.from({ length: 100 }, (_, n) => from + n)
      const held = take(progress, batch(offsets, from + 100))
      for (const one of held.toReversed()) progress.settle(one)
      for (const one of held) progress.settle(one)
    }
    expect(progress.position).toBe(20_000n)
    expect(progress.count).toBe(0)
  })
})
