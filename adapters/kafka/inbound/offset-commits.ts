import { pauseMs } from '../../../src/domain/back-off.ts'
import { errorMessage } from '../../../src/domain/errors.ts'
import type { Clock } from '../../../src/ports/clock.ts'
import type { Log } from '../../../src/ports/log.ts'
import type { KafkaConsumer } from '../driver.ts'
import type { PartitionProgress } from './partition-progress.ts'

/** Tells the group how far its partitions are. */
export interface OffsetCommits {
  /** Something has been settled. */
  schedule(): void
  /** Commits what is left, once. Ends it. */
  finish(): Promise<void>
}

/** Between two commits of offsets: what has settled meanwhile goes together. */
const EVERY_MS = 100
const REST = { firstMs: 250, longestMs: 5_000 }

/** One commit of offsets at a time; one that fails is made again, with what has come since. */
export function createOffsetCommits({
  consumer,
  partitions,
  clock,
  log,
}: {
  readonly consumer: Pick<KafkaConsumer, 'commit'>
  readonly partitions: () => Iterable<PartitionProgress>
  readonly clock: Clock
  readonly log: Log
}): OffsetCommits {
  let working: Promise<void> | undefined
  let isFinishing = false
  let wake: (() => void) | undefined

  async function commit(): Promise<'nothing' | 'done' | 'failed'> {
    const due = [...partitions()].flatMap((progress) => {
      const { position, committed } = progress
      return position === undefined || position === committed ? [] : [{ progress, position }]
    })
    if (due.length === 0) return 'nothing'
    try {
      await consumer.commit(
        due.map(({ progress: { topic, partition }, position }) => ({
          topic,
          partition,
          offset: position,
        })),
      )
      for (const { progress, position } of due) progress.committed = position
      return 'done'
    } catch (error) {
      log.debug({ reason: errorMessage(error) }, 'offsets were not committed')
      return 'failed'
    }
  }

  async function work(): Promise<void> {
    let failures = 0
    while (!isFinishing) {
      const outcome = await commit()
      if (outcome === 'nothing') return
      failures = outcome === 'failed' ? failures + 1 : 0
      await rest(failures === 0 ? EVERY_MS : pauseMs(REST, failures))
    }
  }

  function rest(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      if (isFinishing) {
        resolve()
        return
      }
      const timer = clock.after(delayMs, resolve)
      wake = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  return {
    schedule: () => {
      if (isFinishing) return
      working ??= work().finally(() => {
        working = undefined
      })
    },
    finish: async () => {
      isFinishing = true
      wake?.()
      await working
      await commit()
    },
  }
}
