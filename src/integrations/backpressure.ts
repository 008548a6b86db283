import type { BacklogCounter } from '../ports/backlog.ts'
import type { Clock, Timer } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'

/** When a subscription rests. */
export interface BackpressureSettings {
  /** Waiting jobs of its queue from which on nothing more is taken in. */
  readonly pauseAbove: number
  /** And down to which it rests. */
  readonly resumeBelow: number
}

/** What {@link createBackpressure} needs. */
export interface BackpressureOptions extends BackpressureSettings {
  /** The queue of the subscription's jobs. */
  readonly queue: string
  readonly store: BacklogCounter
  readonly clock: Clock
  readonly log: Log
  /** Called after each change. */
  readonly onChange: () => void
}

/** Whether a subscription has too many jobs waiting. */
export interface Backpressure {
  isClosed(): boolean
  /** What was counted last, up to a little more than `pauseAbove`; `undefined`: nothing yet. */
  waiting(): number | undefined
  /** Messages of the subscription came. */
  noteMessages(): void
  stop(): void
}

/** Jobs are counted at most so often, in milliseconds. */
export const COUNT_EVERY_MS = 1_000

/** And for no more than this share of the time, however large the limits are. */
const MAX_SHARE = 0.1

/**
 * Counts the waiting jobs of a queue while messages come, and while it is closed. Between two counts as many come as
 * come in a second. What cannot be counted changes nothing: without the database nothing comes in either.
 */
export function createBackpressure(options: BackpressureOptions): Backpressure {
  const { queue, pauseAbove, resumeBelow, store, clock, log } = options
  let closed = false
  let waiting: number | undefined
  let timer: Timer | undefined
  /** Messages that came since the last count began. */
  let came = false
  let stopped = false
  let failing = false

  async function count(): Promise<void> {
    const from = clock.monotonicMs()
    came = false
    try {
      // While it is closed it matters whether there are fewer than the lower limit, and no more is counted.
      const limit = (closed ? resumeBelow : pauseAbove) + 1
      waiting = await store.countBacklog({ queue, limit })
      failing = false
      decide(waiting)
    } catch (error) {
      if (!failing) log.debug({ err: error, queue }, 'the waiting jobs of a queue were not counted')
      failing = true
    }
    const tookMs = clock.monotonicMs() - from
    if (!stopped) timer = clock.after(Math.max(COUNT_EVERY_MS, tookMs / MAX_SHARE), next)
  }

  function next(): void {
    timer = undefined
    if (came || closed || failing) begin()
  }

  function begin(): void {
    // Taken: nothing else begins a count before this one has ended and a second has passed.
    timer = { cancel: () => undefined }
    void count()
  }

  function decide(jobs: number): void {
    if (stopped) return
    const wasClosed = closed
    closed = closed ? jobs >= resumeBelow : jobs > pauseAbove
    if (closed === wasClosed) return
    if (closed) {
      log.warn(
        { queue, pause_above: pauseAbove },
        'too many jobs of a subscription wait: nothing more is taken in',
      )
    } else {
      log.info({ queue, waiting: jobs }, 'a subscription takes messages in again')
    }
    options.onChange()
  }

  return {
    isClosed: () => closed,
    waiting: () => waiting,
    noteMessages: () => {
      came = true
      if (timer === undefined && !stopped) begin()
    },
    stop: () => {
      stopped = true
      timer?.cancel()
    },
  }
}
