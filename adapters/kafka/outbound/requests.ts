import type { Clock } from '../../../src/ports/clock.ts'
import type { Publishing } from '../../../src/ports/outbound.ts'
import type { KafkaProducer, OutgoingRecord, Sending } from '../driver.ts'

/** A record on its way, and how many bytes it has. */
export interface SizedRecord {
  readonly record: OutgoingRecord
  readonly bytes: number
}

/** Within what records are sent. */
export interface RequestLimits {
  /** Of one request, unless one record has more. */
  readonly maxBytes: number
  /** From now until the last one is confirmed. */
  readonly timeoutMs: number
  readonly clock: Clock
}

/**
 * Sends records in requests that the brokers take, one after the other, and says of each record what became of it. Never
 * rejects.
 *
 * - **Order.** A record whose key has one before it that is to be tried again is not sent: it would overtake that one. Within
 *   one request the records of a partition are taken, or not, together.
 * - **A topic that is not there** has the whole request refused by the client library, the records for other topics
 *   too. Those were as good as not sent: each topic is asked for by itself then.
 */
export async function sendRecords(
  producer: Pick<KafkaProducer, 'send'>,
  records: readonly SizedRecord[],
  { maxBytes, timeoutMs, clock }: RequestLimits,
): Promise<readonly Publishing[]> {
  const deadline = clock.monotonicMs() + timeoutMs
  const settled = new Map<SizedRecord, Publishing>()
  const late: Sending = {
    outcome: 'unconfirmed',
    error: `the brokers did not confirm it within ${timeoutMs} ms`,
  }
  /** Keys of which one is to be tried again. */
  const waiting = new Set<string>()

  function settle(each: SizedRecord, publishing: Publishing): void {
    settled.set(each, publishing)
    const lane = laneOf(each.record)
    if (lane !== undefined && isToBeTriedAgain(publishing)) waiting.add(lane)
  }

  async function send(request: readonly SizedRecord[]): Promise<void> {
    const ready = request.filter((each) => {
      const lane = laneOf(each.record)
      if (lane === undefined || !waiting.has(lane)) return true
      settle(each, { outcome: 'unsent', error: 'an earlier message of its key is tried again' })
      return false
    })
    if (ready.length === 0) return
    const leftMs = deadline - clock.monotonicMs()
    if (leftMs <= 0) {
      for (const each of ready) {
        settle(each, { outcome: 'unsent', error: `there was no time left of ${timeoutMs} ms` })
      }
      return
    }
    const sendings = await within(
      leftMs,
      producer.send(
        ready.map(({ record }) => record),
        leftMs,
      ),
    )
    const isMixed = new Set(ready.map(({ record }) => record.topic)).size > 1
    const again: SizedRecord[] = []
    ready.forEach((each, index) => {
      const sending = sendings[index] ?? UNSAID
      if (isMixed && sending.outcome === 'refused' && !sending.permanent) again.push(each)
      else settle(each, publishingOf(each.record, sending))
    })
    for (const some of Map.groupBy(again, ({ record }) => record.topic).values()) await send(some)
  }

  /** A library that repeats by itself may do so for longer than anybody waits. Nobody knows then what has arrived. */
  function within(
    limitMs: number,
    sending: Promise<readonly Sending[]>,
  ): Promise<readonly (Sending | undefined)[]> {
    return new Promise((resolve) => {
      const timer = clock.after(limitMs, () => {
        resolve(Array<Sending>(records.length).fill(late))
      })
      void sending.then((sendings) => {
        timer.cancel()
        resolve(sendings)
      })
    })
  }

  for (const request of requestsOf(records, maxBytes)) await send(request)
  return records.map((each) => settled.get(each) ?? UNSAID)
}

const UNSAID = {
  outcome: 'unconfirmed',
  error: 'the client library did not say what became of it',
} as const

/** Records of one lane must not overtake each other; `undefined`: it has no key. */
function laneOf({ topic, key }: OutgoingRecord): string | undefined {
  return key === null ? undefined : `${topic} ${key.toString('latin1')}`
}

function isToBeTriedAgain(publishing: Publishing): boolean {
  if (publishing.outcome === 'published') return false
  return publishing.outcome !== 'refused' || !publishing.permanent
}

function publishingOf(record: OutgoingRecord, sending: Sending): Publishing {
  if (sending.outcome !== 'sent') return sending
  const { partition, offset } = sending
  const place = { topic: record.topic, partition, offset: offset?.toString() }
  return { outcome: 'published', answer: JSON.stringify(place) }
}

function requestsOf(
  records: readonly SizedRecord[],
  maxBytes: number,
): readonly (readonly SizedRecord[])[] {
  const requests: SizedRecord[][] = []
  let bytes = 0
  for (const each of records) {
    bytes += each.bytes
    const current = requests.at(-1)
    if (current === undefined || bytes > maxBytes) {
      requests.push([each])
      bytes = each.bytes
    } else current.push(each)
  }
  return requests
}
