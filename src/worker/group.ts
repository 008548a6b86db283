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
  /** How long the first thing of a batch waits for others; 0: only as long as a flush is under way. */
  readonly waitMs: number
  /** Must not reject. */
  readonly flush: (items: readonly Item[]) => Promise<void>
}

/** One flush at a time: alone a thing waits for `waitMs` only, under load batches grow. */
export function createGroup<Item>(options: GroupOptions<Item>): Group<Item> {
  const { clock, max, waitMs, flush } = options
  let items: Item[] = []
  let underWay = 0
  let running: Promise<void> | undefined

  async function run(): Promise<void> {
    while (items.length > 0) {
      if (waitMs > 0) await new Promise<void>((resolve) => clock.after(waitMs, resolve))
      // What is added in the same turn of the event loop goes together.
      else await Promise.resolve()
      const batch = items.length <= max ? items : items.slice(0, max)
      items = items.length <= max ? [] : items.slice(max)
      underWay = batch.length
      await flush(batch)
      underWay = 0
    }
    running = undefined
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
