import type { InboundMessage } from '../../../src/domain/message.ts'
import type { Offered } from '../../../src/ports/offering.ts'
import type { KafkaBatch, KafkaRecord, TopicPartition } from '../driver.ts'

/** A record that is held until it is settled. */
export interface HeldRecord extends Offered {
  readonly progress: PartitionProgress
  readonly offset: bigint
  readonly bytes: number
  isSettled: boolean
}

/** What a record costs in memory beside its bytes: objects, and the texts made of them. */
const RECORD_BYTES = 500
/** Settled records in front of the others, before they are cut off. */
const CUT_AT = 1_000

/**
 * How far a partition is: which of its records are held, and up to where all are settled. What is settled behind a record
 * that is not counts for nothing yet: an offset says that everything before it is done.
 */
export class PartitionProgress implements TopicPartition {
  readonly topic: string
  readonly partition: number
  /** Others have the partition now: what still settles is of no use. */
  isGone = false
  /** Records that are held. */
  count = 0
  /** Their bytes. */
  bytes = 0
  /** What the group has of us. */
  committed: bigint | undefined
  #held: HeldRecord[] = []
  #front = 0
  #next: bigint | undefined

  constructor({ topic, partition }: TopicPartition) {
    this.topic = topic
    this.partition = partition
  }

  /** Names it, also as the line of its records. */
  get key(): string {
    return `${this.topic}/${this.partition}`
  }

  /** What is to be committed: the offset of the first record that is not settled; `undefined`: nothing has come in yet. */
  get position(): bigint | undefined {
    return this.#held[this.#front]?.offset ?? this.#next
  }

  /** Holds what has been fetched. */
  take(batch: KafkaBatch, messageOf: (record: KafkaRecord) => InboundMessage): HeldRecord[] {
    const held = batch.records.map((record): HeldRecord => {
      const { key, value, headers, offset } = record
      const named = headers.reduce((sum, [name, one]) => sum + name.length + (one?.length ?? 0), 0)
      const bytes = RECORD_BYTES + (key?.length ?? 0) + (value?.length ?? 0) + named
      this.bytes += bytes
      return {
        message: messageOf(record),
        line: this.key,
        progress: this,
        offset,
        bytes,
        isSettled: false,
      }
    })
    this.#held.push(...held)
    this.count += held.length
    this.#next = batch.nextOffset
    return held
  }

  /** This one is settled. */
  settle(record: HeldRecord): void {
    if (record.isSettled) return
    record.isSettled = true
    this.count -= 1
    this.bytes -= record.bytes
    while (this.#held[this.#front]?.isSettled === true) this.#front += 1
    if (this.#front < CUT_AT && this.#front < this.#held.length) return
    this.#held = this.#held.slice(this.#front)
    this.#front = 0
  }
}
