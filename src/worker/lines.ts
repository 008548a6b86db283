import { newLine, type Line } from './line.ts'

/** The queues of a pool, and whose turn it is. */
export interface Lines {
  /** These may have ready jobs. */
  wake(queue: string): void
  /** The next queue that may have some: it goes to the end of the round. */
  next(): Line | undefined
  /** After a claim: a shared pool meets many queues over time, and need not remember the empty ones. */
  tidy(line: Line): void
  anyHungry(): boolean
  queues(): readonly string[]
}

/** Queues that a shared pool remembers. */
const MAX_LINES = 1_000

/** None yet. A queue that is not served now, a paused one, stays hungry until it is. */
export function createLines(serves: (queue: string) => boolean): Lines {
  const lines = new Map<string, Line>()
  return {
    wake: (queue) => {
      const line = lines.get(queue)
      if (line === undefined) lines.set(queue, newLine(queue))
      else line.hungry = true
    },
    next: () => {
      for (const [queue, line] of lines) {
        if (!line.hungry || !serves(queue)) continue
        // To the end of the round: every queue of a shared pool has its turn.
        lines.delete(queue)
        lines.set(queue, line)
        return line
      }
      return undefined
    },
    tidy: (line) => {
      if (!line.hungry && lines.size > MAX_LINES) lines.delete(line.queue)
    },
    anyHungry: () => [...lines.values()].some(({ hungry, queue }) => hungry && serves(queue)),
    queues: () => [...lines.keys()],
  }
}
