import type { Log } from '../../src/ports/log.ts'

/**
 * The seam to the client library: one that implements {@link KafkaDriver} stands in a folder of its own below this one, and
 * nothing else of the adapter knows which it is. docs/adr has why.
 */
export interface KafkaDriver {
  /** Opens nothing yet. */
  consumer(server: KafkaServer, settings: ConsumerSettings, events: ConsumerEvents): KafkaConsumer
  /** Opens nothing yet. */
  producer(server: KafkaServer, settings: ProducerSettings): KafkaProducer
  /**
   * Connects, signs in, and asks what there is.
   * @throws CrossdockError `connection_failed`, which says what to do
   */
  metadata(server: KafkaServer): Promise<ClusterMetadata>
}

/** Where the brokers are, and how to sign in. */
export interface KafkaServer {
  /** `host:port` */
  readonly brokers: readonly string[]
  readonly clientId: string
  /** `undefined`: without TLS. */
  readonly tls: KafkaTls | undefined
  /** `undefined`: nobody signs in. */
  readonly sasl: KafkaSasl | undefined
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly log: Log
}

/** PEM texts. */
export interface KafkaTls {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly serverName?: string | undefined
  readonly rejectUnauthorized: boolean
}

/** How a client signs in. */
export type KafkaSasl =
  | {
      readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
      readonly username: string
      readonly password: string
    }
  | {
      readonly mechanism: 'oauthbearer'
      /** Asked for each time that a connection is made or its token ends. */
      readonly token: () => Promise<string>
    }

/** What there is on the cluster. */
export interface ClusterMetadata {
  readonly clusterId: string
  /** How many partitions each topic has, without Kafka's own. */
  readonly topics: ReadonlyMap<string, number>
}

/** Brings records in. */
export interface ConsumerSettings {
  readonly groupId: string
  /** Names as they are; a pattern is a regular expression for the whole name, and takes new topics as they appear. */
  readonly topics: readonly (string | RegExp)[]
  /** Where a partition begins for which the group has no offset. */
  readonly start: 'earliest' | 'latest'
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly heartbeatIntervalMs: number
  /** How often new topics and partitions are looked for. */
  readonly refreshIntervalMs: number
  /** Of one answer for one partition; a larger record comes alone. */
  readonly maxBytesPerPartition: number
}

/** A partition of a topic. */
export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** A partition, and an offset in it. */
export interface PartitionOffset extends TopicPartition {
  readonly offset: bigint
}

/** What the brokers have, and what the group has. */
export interface PartitionLag extends TopicPartition {
  /** Where the next record will stand. */
  readonly end: bigint
  /** The group's; `undefined`: it has none yet. */
  readonly committed: bigint | undefined
}

/** A record as it stands in its partition. */
export interface KafkaRecord {
  readonly offset: bigint
  /** Milliseconds since 1970. */
  readonly timestampMs: number
  readonly key: Buffer | null
  /** `null`: a tombstone. */
  readonly value: Buffer | null
  /** As sent: names may repeat. */
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[]
}

/** Records of one partition, in their order. */
export interface KafkaBatch extends TopicPartition {
  /** May be empty: all that was there were marks of transactions. */
  readonly records: readonly KafkaRecord[]
  /** What to commit once all of it is settled: behind the last record, and behind marks after it. */
  readonly nextOffset: bigint
}

/** What a consumer tells. None of them may throw. */
export interface ConsumerEvents {
  /** These partitions are ours now, all of them: what is not among them is ours no longer. */
  readonly assigned: (partitions: readonly TopicPartition[]) => void
  /** The group shares out anew: what is under way is to be brought to its end. The driver waits for it where it can. */
  readonly rebalancing: () => Promise<void>
  /** Topics that were named and do not exist, each time that this changes; they are taken as soon as they are there. */
  readonly missing: (topics: readonly string[]) => void
  /** Records came in. Whoever has too many pauses their partition. */
  readonly fetched: (batch: KafkaBatch) => void
  /** A sign of life: the broker has answered a request or a heartbeat of this consumer. */
  readonly alive: () => void
  /** It has stopped, or cannot begin: a new one is to be made. Told once. */
  readonly failed: (error: unknown) => void
}

/** A member of a group, from {@link KafkaConsumer.start} to `stop`. */
export interface KafkaConsumer {
  /** Connects and joins; resolves when it has joined, which may be for ever later. */
  start(): Promise<void>
  /** Nothing more is fetched of these. What is on its way may still come. */
  pause(partitions: readonly TopicPartition[]): void
  resume(partitions: readonly TopicPartition[]): void
  /**
   * Those of partitions that are not ours are left out.
   * @throws an error where the group has gone on without us, or the broker did not answer
   */
  commit(offsets: readonly PartitionOffset[]): Promise<void>
  /** Of the partitions that are ours. */
  lag(partitions: readonly TopicPartition[]): Promise<readonly PartitionLag[]>
  /** Leaves the group. May be called twice, and before `start` has ended. */
  stop(): Promise<void>
}

/** How a producer sends. */
export interface ProducerSettings {
  readonly acks: 'all' | 'leader' | 'none'
  /** The broker drops what a repeat of the library brings twice. Needs `acks` `all`. */
  readonly idempotent: boolean
  readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
}

/** A record to be sent. */
export interface OutgoingRecord {
  readonly topic: string
  /** Left out: by the hash of the key as Kafka's own clients have it; without a key one after the other. */
  readonly partition?: number | undefined
  readonly key: Buffer | null
  /** `null`: a tombstone. */
  readonly value: Buffer | null
  readonly headers: readonly (readonly [name: string, value: Buffer])[]
}

/**
 * What became of one record.
 * - `sent`: the broker has it, at this place; without `acks` it is not known where.
 * - `refused`: the broker did not take it. `permanent`: no repeat can help.
 * - `unconfirmed`: it may have arrived.
 * - `unsent`: it never left.
 */
export type Sending =
  | { readonly outcome: 'sent'; readonly partition: number; readonly offset: bigint | undefined }
  | { readonly outcome: 'refused'; readonly error: string; readonly permanent: boolean }
  | { readonly outcome: 'unconfirmed' | 'unsent'; readonly error: string }

/** Sends records. */
export interface KafkaProducer {
  /** Connects; it goes on trying by itself until `stop`. */
  start(): void
  /** Says whether brokers can be reached, and why not: at once, and after each change. Returns how to stop that. */
  onConnected(listener: (isConnected: boolean, problem: string | undefined) => void): () => void
  /**
   * Sends and says of each, in order, what became of it. Records of one partition keep their order, also over calls that
   * follow one another. Never rejects.
   */
  send(records: readonly OutgoingRecord[], timeoutMs: number): Promise<readonly Sending[]>
  /** Waits for what is under way. May be called twice. */
  stop(): Promise<void>
}
