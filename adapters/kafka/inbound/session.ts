import type { Clock } from '../../../src/ports/clock.ts'
import type { AdapterSubscription } from '../../../src/ports/adapter.ts'
import type { Log } from '../../../src/ports/log.ts'
import type { MakeOffering } from '../../../src/ports/offering.ts'
import type {
  ConsumerSettings,
  KafkaDriver,
  KafkaServer,
  PartitionLag,
  TopicPartition,
} from '../driver.ts'
import { atMost } from '../patience.ts'
import { inboundMessage } from './inbound-message.ts'
import { createOffsetCommits } from './offset-commits.ts'
import { type HeldRecord, PartitionProgress } from './partition-progress.ts'
import { createThrottle } from './throttle.ts'

/** What {@link openSession} needs. */
export interface SessionOptions {
  readonly driver: Pick<KafkaDriver, 'consumer'>
  readonly server: KafkaServer
  readonly settings: ConsumerSettings
  readonly clusterId: string
  readonly subscription: Pick<AdapterSubscription<unknown>, 'name' | 'contentType' | 'flow'>
  readonly isOrderedByKey: boolean
  readonly makeOffering: MakeOffering
  readonly clock: Clock
  readonly log: Log
  /** It has ended by itself, and is to be stopped. Told once. */
  readonly failed: (error: unknown) => void
}

/** One consumer at work, from the brokers to the commit and back, until it fails. */
export interface Session {
  start(): Promise<void>
  /** Whether it has its place in the group; it may be without partitions. */
  hasJoined(): boolean
  /** Topics that were named and are not there. */
  missing(): readonly string[]
  /** For how long nothing has been heard of the brokers, in milliseconds. */
  silentMs(): number
  partitions(): readonly PartitionProgress[]
  lag(): Promise<readonly PartitionLag[]>
  /**
   * Lets go of what is not under way, waits for the rest, commits its offsets, and leaves the group. One that has failed
   * commits nothing: there is nobody to tell. May be called twice.
   */
  stop(hasFailed?: boolean): Promise<void>
}

/** Records of one call: as many as are committed together. */
const MAX_BATCH = 1_000

/** For the last commit of offsets. */
const COMMIT_LIMIT_MS = 3_000

/** Opens a session; it does nothing before its start. */
export function openSession(options: SessionOptions): Session {
  const { subscription, settings, clock, log } = options
  const ours = new Map<string, PartitionProgress>()
  let missing: readonly string[] = []
  let hasJoined = false
  let aliveAt = clock.monotonicMs()

  const consumer = options.driver.consumer(options.server, settings, {
    assigned,
    rebalancing: async () => {
      commits.schedule()
    },
    fetched: (batch) => {
      const progress = ours.get(keyOf(batch))
      if (progress === undefined) return
      const origin = {
        topic: batch.topic,
        partition: batch.partition,
        clusterId: options.clusterId,
        subscription: subscription.name,
        contentType: subscription.contentType,
        isOrderedByKey: options.isOrderedByKey,
      }
      for (const held of progress.take(batch, (record) => inboundMessage(record, origin))) {
        offering.add(held)
      }
      if (batch.records.length === 0) commits.schedule()
      throttle.check()
    },
    alive: () => {
      aliveAt = clock.monotonicMs()
    },
    missing: (topics) => {
      missing = topics
      if (topics.length > 0)
        log.warn({ topics }, 'topics do not exist; they are taken once they do')
    },
    failed: (error) => {
      options.failed(error)
    },
  })
  const commits = createOffsetCommits({ consumer, partitions: () => ours.values(), clock, log })
  const throttle = createThrottle({
    consumer,
    partitions: () => ours.values(),
    flow: subscription.flow,
    maxPartitionBytes: 2 * settings.maxBytesPerPartition,
  })
  const offering = options.makeOffering<HeldRecord>({
    flow: subscription.flow,
    maxBatch: MAX_BATCH,
    isDurable: true,
    settled: (all) => {
      for (const { held } of all) held.progress.settle(held)
      commits.schedule()
      throttle.check()
    },
    log,
  })

  function assigned(partitions: readonly TopicPartition[]): void {
    hasJoined = true
    const now = new Set(partitions.map(keyOf))
    for (const [key, progress] of ours) {
      if (now.has(key)) continue
      progress.isGone = true
      ours.delete(key)
    }
    void offering.drop(({ progress }) => progress.isGone)
    const fresh = partitions.filter((one) => !ours.has(keyOf(one)))
    for (const one of fresh) ours.set(keyOf(one), new PartitionProgress(one))
    // One that rested when it was taken from us would rest for ever.
    consumer.resume(fresh)
    throttle.check()
  }

  let stopping: Promise<void> | undefined
  return {
    start: () => consumer.start(),
    hasJoined: () => hasJoined,
    missing: () => missing,
    silentMs: () => clock.monotonicMs() - aliveAt,
    partitions: () => [...ours.values()],
    lag: () => consumer.lag([...ours.values()]),
    stop: (hasFailed = false) =>
      (stopping ??= (async () => {
        throttle.close()
        if (hasFailed) ours.clear()
        await offering.drop(() => true)
        await offering.finish()
        await atMost(COMMIT_LIMIT_MS, commits.finish())
        await consumer.stop()
      })()),
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
