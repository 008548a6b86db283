import { errorMessage } from '../../../src/domain/errors.ts'
import type {
  ConsumerEvents,
  ConsumerSettings,
  KafkaConsumer,
  KafkaServer,
  PartitionLag,
  TopicPartition,
} from '../driver.ts'
import { chooseTopics } from '../topic-choice.ts'
import { atMost } from '../patience.ts'
import { createClient } from './client.ts'
import { translated } from './failure.ts'
import { committedOffsets, endOffsets } from './group-offsets.ts'
import { joinGroup, keyOf, type Membership } from './membership.ts'

const STOP_LIMIT_MS = 2_000

/** A consumer that joins anew whenever its topics have changed: the library's own subscriptions are for topics that stay. */
export function openConsumer(
  server: KafkaServer,
  settings: ConsumerSettings,
  events: ConsumerEvents,
): KafkaConsumer {
  const { log } = server
  const client = createClient(server)
  const admin = client.admin()
  let topics: readonly string[] = []
  let missing: readonly string[] = []
  let ours: readonly TopicPartition[] = []
  let paused: readonly TopicPartition[] = []
  let membership: Membership | undefined
  let timer: NodeJS.Timeout | undefined
  let work: Promise<void> = Promise.resolve()
  let isStopped = false
  let hasFailed = false

  function fail(error: unknown): void {
    if (hasFailed || isStopped) return
    hasFailed = true
    clearTimeout(timer)
    events.failed(translated(error))
  }

  // A function, since the compiler would otherwise take it for unchanged across an await.
  function isOver(): boolean {
    return isStopped || hasFailed
  }

  /** One look after another. */
  function look(): Promise<void> {
    work = work.then(lookOnce)
    return work
  }

  async function lookOnce(): Promise<void> {
    if (isStopped) return
    const choice = chooseTopics(await admin.listTopics(), settings.topics)
    events.alive()
    if (choice.missing.join() !== missing.join()) {
      missing = choice.missing
      events.missing(missing)
    }
    if (choice.topics.join() !== topics.join()) {
      if (membership !== undefined) {
        log.info({ topics: choice.topics }, 'topics have come or gone: it joins its group anew')
      }
      await leave()
      topics = choice.topics
      await join()
    }
    if (isOver()) return
    timer = setTimeout(() => {
      look().catch(fail)
    }, settings.refreshIntervalMs)
  }

  async function leave(): Promise<void> {
    if (membership === undefined) return
    await events.rebalancing()
    await membership.leave()
    membership = undefined
    tellAssigned([])
  }

  async function join(): Promise<void> {
    if (topics.length === 0 || isStopped) return
    const one = await joinGroup({
      client,
      settings,
      topics,
      events,
      joined: (partitions, isFresh) => {
        if (isFresh && ours.length > 0) tellAssigned([])
        tellAssigned(partitions)
        if (membership !== undefined) holdStart(membership, partitions)
      },
      crashed: fail,
    })
    // It was given up meanwhile, and nobody else would leave the group for it.
    if (isOver()) {
      await one.leave()
      return
    }
    membership = one
    one.pause(paused)
    holdStart(one, ours)
  }

  function tellAssigned(partitions: readonly TopicPartition[]): void {
    ours = partitions
    events.assigned(partitions)
  }

  /** A partition that began at its end would begin at its end again, behind what came meanwhile, until one record of it is committed. */
  function holdStart(one: Membership, partitions: readonly TopicPartition[]): void {
    if (settings.start === 'earliest') return
    const hold = async (): Promise<void> => {
      const committed = await committedOffsets(admin, settings.groupId, partitions)
      const fresh = partitions.filter((each) => committed.get(keyOf(each)) === undefined)
      if (fresh.length === 0) return
      const ends = await endOffsets(admin, fresh)
      const starts = fresh.flatMap((each) => {
        const offset = ends.get(keyOf(each))
        return offset === undefined ? [] : [{ ...each, offset }]
      })
      for (const start of starts) one.seek(start)
      await one.commit(starts)
    }
    hold().catch((error: unknown) => {
      log.debug({ reason: errorMessage(error) }, 'where a partition began could not be kept')
    })
  }

  let stopping: Promise<void> | undefined
  return {
    start: async () => {
      try {
        await admin.connect()
        await look()
      } catch (error) {
        throw translated(error)
      }
    },
    pause: (partitions) => {
      paused = [...paused, ...partitions]
      membership?.pause(partitions)
    },
    resume: (partitions) => {
      const keys = new Set(partitions.map(keyOf))
      paused = paused.filter((one) => !keys.has(keyOf(one)))
      membership?.resume(partitions)
    },
    commit: async (offsets) => {
      await membership?.commit(offsets)
    },
    lag: async (partitions) => {
      const [ends, committed] = await Promise.all([
        endOffsets(admin, partitions),
        committedOffsets(admin, settings.groupId, partitions),
      ])
      return partitions.flatMap((one): readonly PartitionLag[] => {
        const end = ends.get(keyOf(one))
        return end === undefined ? [] : [{ ...one, end, committed: committed.get(keyOf(one)) }]
      })
    },
    stop: () =>
      (stopping ??= (async () => {
        isStopped = true
        clearTimeout(timer)
        await atMost(STOP_LIMIT_MS, work)
        await membership?.leave()
        await atMost(STOP_LIMIT_MS, admin.disconnect())
      })()),
  }
}
