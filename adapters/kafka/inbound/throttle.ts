import type { Flow } from '../../../src/ports/flow.ts'
import type { KafkaConsumer } from '../driver.ts'
import type { PartitionProgress } from './partition-progress.ts'

/** Has partitions rest while too much of them is held, or nothing is to be taken in; heartbeats go on. */
export interface Throttle {
  /** Something has come in, was settled, or has changed hands. */
  check(): void
  /** Has all of them rest, for good. */
  close(): void
}

/**
 * Of one subscription. Beyond that the brokers wait. As much as several calls take, and little enough that a backlog comes in
 * within a heap of 72 MB; one answer of a broker, up to 4 MiB, may come on top.
 */
const MAX_HELD_BYTES = 8 * 1024 * 1024

/** Partitions go on once half of what they may hold is settled, so that they do not stop and go for every record. */
export function createThrottle({
  consumer,
  partitions,
  flow,
  maxPartitionBytes,
}: {
  readonly consumer: Pick<KafkaConsumer, 'pause' | 'resume'>
  readonly partitions: () => Iterable<PartitionProgress>
  readonly flow: Flow
  /** Of one partition. */
  readonly maxPartitionBytes: number
}): Throttle {
  const resting = new WeakSet<PartitionProgress>()
  let isFull = false
  let isClosed = false
  const stopListening = flow.onChange(check)

  function check(): void {
    const all = [...partitions()]
    const bytes = all.reduce((sum, one) => sum + one.bytes, 0)
    isFull = bytes > (isFull ? MAX_HELD_BYTES / 2 : MAX_HELD_BYTES)
    const isShut = isClosed || isFull || flow.closed() !== undefined
    const toPause: PartitionProgress[] = []
    const toResume: PartitionProgress[] = []
    for (const one of all) {
      const limit = resting.has(one) ? maxPartitionBytes / 2 : maxPartitionBytes
      const rests = isShut || one.bytes > limit
      if (rests === resting.has(one)) continue
      if (rests) {
        resting.add(one)
        toPause.push(one)
      } else {
        resting.delete(one)
        toResume.push(one)
      }
    }
    consumer.pause(toPause)
    consumer.resume(toResume)
  }

  return {
    check,
    close: () => {
      isClosed = true
      stopListening()
      check()
    },
  }
}
