import type {
  KafkaProducer,
  OutgoingRecord,
  ProducerSettings,
  Sending,
} from '../../../adapters/kafka/driver.ts'

/** What a broker says of the records of one request, in order. */
export type Broker = (records: readonly OutgoingRecord[]) => readonly Sending[]

/** A producer over an imagined broker, and what it was asked for. */
export interface MemoryProducer extends KafkaProducer {
  readonly requests: (readonly OutgoingRecord[])[]
  readonly timeouts: number[]
  readonly settings: ProducerSettings
  /** Brokers come and go. */
  connected(isConnected: boolean, problem?: string): void
  /** What the next requests are answered with. */
  broker: Broker
  /** Requests are answered once this has resolved. */
  held: Promise<void>
  isStarted: boolean
  isStopped: boolean
}

/** The texts of the values of records. */
export function values(records: readonly OutgoingRecord[]): readonly (string | null)[] {
  return records.map(({ value }) => value?.toString() ?? null)
}

/** Takes every record, each at the next offset of partition 0. */
export function takesAll(): Broker {
  let offset = 0n
  return (records) => records.map(() => ({ outcome: 'sent', partition: 0, offset: offset++ }))
}

/** A producer for tests. */
export function memoryProducer(
  settings: ProducerSettings = { acks: 'all', idempotent: true, compression: 'none' },
): MemoryProducer {
  const listeners = new Set<(isConnected: boolean, problem: string | undefined) => void>()
  let state: readonly [boolean, string | undefined] = [false, undefined]
  const producer: MemoryProducer = {
    requests: [],
    timeouts: [],
    settings,
    broker: takesAll(),
    held: Promise.resolve(),
    isStarted: false,
    isStopped: false,
    connected: (...next) => {
      state = [next[0], next[1]]
      for (const listener of listeners) listener(...state)
    },
    start: () => {
      producer.isStarted = true
    },
    onConnected: (listener) => {
      listeners.add(listener)
      listener(...state)
      return () => listeners.delete(listener)
    },
    send: async (records, timeoutMs) => {
      producer.requests.push(records)
      producer.timeouts.push(timeoutMs)
      await producer.held
      return producer.broker(records)
    },
    stop: async () => {
      producer.isStopped = true
    },
  }
  return producer
}
