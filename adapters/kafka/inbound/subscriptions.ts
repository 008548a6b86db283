import type { AdapterContext } from '../../../src/ports/adapter.ts'
import type { PartHealth } from '../../../src/ports/adapter-health.ts'
import type { LineLag } from '../../../src/ports/line-lag.ts'
import type { KafkaDriver, KafkaServer } from '../driver.ts'
import type { KafkaSubscriptionOptions } from '../options/subscription.ts'
import { openReceiver } from './receiver.ts'

/** The subscriptions of one connection, at work. */
export interface Subscriptions {
  health(): readonly PartHealth[]
  /** How far behind the partitions of one are, as far as this instance has them. */
  lag(name: string): readonly LineLag[]
  stop(): Promise<void>
}

/** A receiver for each subscription: one that fails takes no other along. */
export function openSubscriptions(
  driver: KafkaDriver,
  server: KafkaServer,
  {
    subscriptions,
    instance,
    makeOffering,
    clock,
    log,
  }: Pick<
    AdapterContext<KafkaSubscriptionOptions>,
    'subscriptions' | 'instance' | 'makeOffering' | 'clock' | 'log'
  >,
): Subscriptions {
  const receivers = subscriptions.map((subscription) => {
    const { name, options } = subscription
    const ownLog = log.child({ subscription: name })
    const receiver = openReceiver({
      driver,
      server: { ...server, log: ownLog },
      settings: {
        groupId: options.group_id ?? `${instance.name}-${name}`,
        topics: options.topics,
        start: options.start,
        sessionTimeoutMs: options.session_timeout,
        rebalanceTimeoutMs: options.rebalance_timeout,
        heartbeatIntervalMs: options.heartbeat_interval,
        refreshIntervalMs: options.refresh_interval,
        maxBytesPerPartition: options.max_bytes,
      },
      subscription,
      isOrderedByKey: options.order_by === 'key',
      makeOffering,
      clock,
      log: ownLog,
    })
    return { name, receiver }
  })
  return {
    health: () => receivers.map(({ name, receiver }) => ({ name, health: receiver.health() })),
    lag: (name) =>
      receivers
        .filter((one) => one.name === name)
        .flatMap(({ receiver }) => receiver.lags())
        .map(({ topic, partition, waiting }) => ({ line: `${topic}/${partition}`, waiting })),
    stop: async () => {
      await Promise.all(receivers.map(({ receiver }) => receiver.stop()))
    },
  }
}
