import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/app/system-clock.ts'
import type { OutgoingRecord, Sending } from '../../../adapters/kafka/driver.ts'
import { sendRecords, type SizedRecord } from '../../../adapters/kafka/outbound/requests.ts'
import type { Publishing } from '../../../src/ports/outbound.ts'
import { manualClock } from '../worker/manual-clock.ts'
import { memoryProducer, takesAll, values } from './memory-producer.ts'

/** A record named by its value, of 100 bytes unless its size is given. */
function sized(value: string, key?: string, bytes = 100, topic = 'orders'): SizedRecord {
  const record: OutgoingRecord = {
    topic,
    key: key === undefined ? null : Buffer.from(key),
    value: Buffer.from(value),
    headers: [],
  }
  return { record, bytes }
}

const LIMITS = { maxBytes: 1_000, timeoutMs: 5_000, clock: systemClock }

const refused = (permanent: boolean): Sending => ({ outcome: 'refused', error: 'no', permanent })

function outcomes(publishings: readonly Publishing[]): readonly string[] {
  return publishings.map((one) =>
    one.outcome === 'refused' && one.permanent ? 'refused for good' : one.outcome,
  )
}

describe('records on their way', () => {
  it('go out in one request, and are published with their place', async () => {
    const producer = memoryProducer()
    const sent = await sendRecords(producer, [sized('a'), sized('b')], LIMITS)
    expect(producer.requests.map(values)).toEqual([['a', 'b']])
    expect(sent).toEqual([
      { outcome: 'published', answer: '{"topic":"orders","partition":0,"offset":"0"}' },
      { outcome: 'published', answer: '{"topic":"orders","partition":0,"offset":"1"}' },
    ])
  })

  it('go out in several requests where they are too many bytes for one, a large one alone', async () => {
    const producer = memoryProducer()
    const records = [sized('a', 'k', 600), sized('b', 'k', 600), sized('c', 'k', 5_000), sized('d')]
    await sendRecords(producer, records, LIMITS)
    expect(producer.requests.map(values)).toEqual([['a'], ['b'], ['c'], ['d']])
  })

  it.each<[string, Sending]>([
    ['unconfirmed', { outcome: 'unconfirmed', error: 'late' }],
    ['unsent', { outcome: 'unsent', error: 'away' }],
    ['refused', refused(false)],
  ])(
    'of a key wait when one before them is %s, and those of other keys do not',
    async (_, first) => {
      const producer = memoryProducer()
      const all = takesAll()
      producer.broker = (records) =>
        values(records).includes('k1') ? records.map(() => first) : all(records)
      const records = [
        sized('k1', 'k', 900),
        sized('l1', 'l', 900),
        sized('k2', 'k', 900),
        sized('none', undefined, 900),
      ]
      const sent = await sendRecords(producer, records, LIMITS)
      expect(outcomes(sent)).toEqual([first.outcome, 'published', 'unsent', 'published'])
      expect(producer.requests.flatMap((request) => values(request))).toEqual(['k1', 'l1', 'none'])
    },
  )

  it('of a key go on when one before them is refused for good', async () => {
    const producer = memoryProducer()
    const all = takesAll()
    producer.broker = (records) =>
      values(records).includes('k1') ? records.map(() => refused(true)) : all(records)
    const records = [sized('k1', 'k', 900), sized('k2', 'k', 900)]
    expect(outcomes(await sendRecords(producer, records, LIMITS))).toEqual([
      'refused for good',
      'published',
    ])
  })

  it('are tried by topic where one topic has all of them refused', async () => {
    const producer = memoryProducer()
    const all = takesAll()
    producer.broker = (records) =>
      records.some(({ topic }) => topic === 'missing')
        ? records.map(() => refused(false))
        : all(records)
    const records = [
      sized('a', 'k'),
      sized('b', 'k', 100, 'missing'),
      sized('c', 'k'),
      sized('d', 'k', 100, 'other'),
    ]
    const sent = await sendRecords(producer, records, LIMITS)
    expect(outcomes(sent)).toEqual(['published', 'refused', 'published', 'published'])
    expect(producer.requests.map(values)).toEqual([['a', 'b', 'c', 'd'], ['a', 'c'], ['b'], ['d']])
  })

  it('have the time of all of them together, and have not left where it is over', async () => {
    const clock = manualClock()
    const producer = memoryProducer()
    const all = takesAll()
    producer.broker = (records) => {
      clock.standStill(3_000)
      return all(records)
    }
    const records = ['a', 'b', 'c'].map((value) => sized(value, undefined, 900))
    const sent = await sendRecords(producer, records, { ...LIMITS, clock })
    expect(producer.timeouts).toEqual([5_000, 2_000])
    expect(outcomes(sent)).toEqual(['published', 'published', 'unsent'])
  })

  it('may have arrived where nobody confirms them in time', async () => {
    const clock = manualClock()
    const producer = memoryProducer()
    const { promise, resolve } = Promise.withResolvers<void>()
    producer.held = promise
    const sending = sendRecords(producer, [sized('a')], { ...LIMITS, clock })
    await clock.advance(5_000)
    expect(outcomes(await sending)).toEqual(['unconfirmed'])
    resolve()
  })

  it('of which nothing is said may have arrived', async () => {
    const producer = memoryProducer()
    producer.broker = () => []
    expect(outcomes(await sendRecords(producer, [sized('a')], LIMITS))).toEqual(['unconfirmed'])
  })
})
