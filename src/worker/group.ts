import type { Clock } from '../ports/clock.ts'

/** Gathers things while the batch before is under way. */
export interface Group<Item> {
  add(item: Item): void
  /** Things not yet flushed, and those under way. */
  size(): number
  /** Resolves once everything added so far is flushed. */
  idle(): Promise<void>
}

/** What {@link createGroup} needs. */
export interface GroupOptions<Item> {
  readonly clock: Clock
  /** The most things of one flush. */
  readonly max: number
  /** How large a thing is; default 0. A flush takes things until they are `maxBytes` together. */
  readonly bytesOf?: (item: Item) => number
  /** Default 8 MiB. */
  readonly maxBytes?: number
  /** How long the first thing of a batch waits for others; 0: only as long as a flush is under way. */
  readonly waitMs: number
  /** Should not reject: {@link onFault} is told, and the next batch goes on. */
  readonly flush: (items: readonly Item[]) => Promise<void>
  readonly onFault: (error: unknown) => void
}

/** One flush at a time: alone a thing waits for `waitMs` only, under load batches grow. */
export function createGroup<Item>(options: GroupOptions<Item>): Group<Item> {
  const { clock, max, waitMs, flush, onFault, bytesOf, maxBytes = 8 * 1024 * 1024 } = options
  let items: Item[] = []
  let underWay = 0
  let running: Promise<void> | undefined

  async function run(): Promise<void> {
    while (items.length > 0) {
      if (waitMs > 0) await new Promise<void>((resolve) => clock.after(waitMs, resolve))
      // What is added in the same turn of the event loop goes together.
      else await Promise.resolve()
      const count = batchLength()
      const batch = items.slice(0, count)
      items = items.slice(count)
      underWay = batch.length
      try {
        await flush(batch)
      } catch (error) {
        // A fault of ours; without this, nothing would ever be flushed again.
        onFault(error)
      }
      underWay = 0
    }
    running = undefined
  }

  function batchLength(): number {
    if (bytesOf === undefined) return Math.min(max, items.length)
    let bytes = 0
    let count = 0
    for (const item of items) {
      bytes += bytesOf(item)
      if (count > 0 && (count >= max || bytes > maxBytes)) break
      count += 1
    }
    return count
  }

  return {
    add: (item) => {
      items.push(item)
      running ??= run()
    },
    size: () => items.length + underWay,
    idle: async () => {
      await running
    },
  }
}
