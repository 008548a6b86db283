import type { NewJob } from '../domain/job.ts'
import { turnName, turnOf } from '../domain/turn.ts'
import type { InsertOutcome } from '../ports/store.ts'

/** The rows of one message that wait for their commit. */
export interface WaitingMessage {
  readonly jobs: readonly NewJob[]
  readonly bytes: number
  /** What it came in with: at no time are messages of one batch in two groups. */
  readonly batch: object
  /** In the order in which they were added. */
  readonly place: number
  readonly since: number
  /** Whether it was in an INSERT that failed: it may be there all the same. */
  uncertain: boolean
  /** Whether its sender has been told. */
  readonly isSettled: boolean
  resolve(outcome: InsertOutcome): void
  reject(error: Error): void
}

/** How much goes into one INSERT. */
export interface GroupLimits {
  readonly maxRows: number
  readonly maxBytes: number
}

/** Those that no INSERT has taken yet, in the order in which they came. */
export class WaitingRows {
  readonly #limits: GroupLimits
  #queue: WaitingMessage[] = []
  #rows = 0
  #bytes = 0

  constructor(limits: GroupLimits) {
    this.#limits = limits
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0
  }

  /** Whether there is as much as one INSERT takes. */
  get isFull(): boolean {
    return this.#rows >= this.#limits.maxRows || this.#bytes >= this.#limits.maxBytes
  }

  add(message: WaitingMessage): void {
    this.#queue.push(message)
    this.#rows += message.jobs.length
    this.#bytes += message.bytes
  }

  /**
   * The first ones, as many as one INSERT takes; but none of a batch or a lane of which something is under way or was passed
   * over here: it would overtake that.
   */
  takeGroup(
    underWay: readonly WaitingMessage[],
    heldBatches: Iterable<object>,
  ): readonly WaitingMessage[] {
    const { maxRows, maxBytes } = this.#limits
    const batches = new Set([...underWay.map(({ batch }) => batch), ...heldBatches])
    const lanes = new Set(underWay.flatMap(lanesOf))
    const group: WaitingMessage[] = []
    const passed: WaitingMessage[] = []
    let [rows, bytes, at] = [0, 0, 0]
    for (const message of this.#queue) {
      const own = lanesOf(message)
      if (batches.has(message.batch) || own.some((lane) => lanes.has(lane))) {
        passed.push(message)
        batches.add(message.batch)
        for (const lane of own) lanes.add(lane)
      } else {
        const isOver = rows + message.jobs.length > maxRows || bytes + message.bytes > maxBytes
        if (group.length > 0 && isOver) break
        group.push(message)
        rows += message.jobs.length
        bytes += message.bytes
      }
      at += 1
    }
    this.#queue = [...passed, ...this.#queue.slice(at)]
    this.#rows -= rows
    this.#bytes -= bytes
    return group
  }

  /** Those that must not be inserted before this one. */
  takeBehind(message: WaitingMessage): readonly WaitingMessage[] {
    const behind = this.#queue.filter((other) => isInOrder(message, other))
    this.#queue = this.#queue.filter((other) => !behind.includes(other))
    for (const { jobs, bytes } of behind) {
      this.#rows -= jobs.length
      this.#bytes -= bytes
    }
    return behind
  }
}

/** Whether somebody else may hold a key of it. */
export function hasKey({ jobs }: WaitingMessage): boolean {
  return jobs.some((job) => job.dedupeKey !== undefined || job.uniqueKey !== undefined)
}

/** Whether two messages of one batch have a lane in common: neither may overtake the other. */
export function isInOrder(one: WaitingMessage, other: WaitingMessage): boolean {
  if (one.batch !== other.batch) return false
  const lanes = new Set(lanesOf(one))
  return lanesOf(other).some((lane) => lanes.has(lane))
}

/** Names the lanes whose jobs run in the order of their rows. */
export function lanesOf({ jobs }: WaitingMessage): readonly string[] {
  return jobs.flatMap(turnOf).map(turnName)
}

/** How many rows each message has; left out where every one is one row, as nearly always. */
export function unitsOf(group: readonly WaitingMessage[]): readonly number[] | undefined {
  return group.every(({ jobs }) => jobs.length === 1)
    ? undefined
    : group.map(({ jobs }) => jobs.length)
}

/** The bytes of rows, near enough: the texts that can be large. */
export function bytesOf(jobs: readonly NewJob[]): number {
  return jobs.reduce((sum, job) => sum + sizeOf(job), 0)
}

function sizeOf(job: NewJob): number {
  const headers = job.headers === undefined ? 0 : JSON.stringify(job.headers).length
  const metadata = job.metadata === undefined ? 0 : JSON.stringify(job.metadata).length
  return (
    400 + Buffer.byteLength(job.payload ?? '') + headers + metadata + (job.description?.length ?? 0)
  )
}
