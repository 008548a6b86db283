import type { Clock, Timer } from '../ports/clock.ts'
import type { ClaimedJob } from '../ports/store.ts'

/** Lets one job run with nothing beside it. */
export interface Alone {
  /** Whether jobs may begin beside each other now. */
  isOpen(): boolean
  /**
   * Asks that `run` be called once nothing runs. Nothing else begins until what it returns has resolved.
   * `false`: not now, one has asked before, or has just had its turn.
   */
  request(run: () => Promise<void>): boolean
  /** A worker has become free. */
  freed(): void
  /** Nobody waits any more; for a pool that stops. */
  withdraw(): void
  /** Called when jobs may begin beside each other again. */
  onOpen(listener: () => void): void
}

/**
 * Whether a job runs alone: it was running each of the last two times when its process died, or once and
 * has no further attempt. One of those that were running had killed the process, perhaps; the others must
 * not lose their last attempts to it. A first death is no reason: most are deployments, and to run
 * everything that one of these cut off one by one takes hours.
 */
export function mustRunAlone(
  job: Pick<ClaimedJob, 'recoveries' | 'retryCount'>,
  maxRetries: number,
): boolean {
  // Executions that had not begun when their process died are not counted as attempts.
  if (job.retryCount === 0) return false
  return job.recoveries >= 2 || (job.recoveries === 1 && job.retryCount >= maxRetries)
}

/** For so long the others are kept from beginning while handlers that run are waited for, in milliseconds. */
const DRAIN_LIMIT_MS = 60_000

/**
 * Who runs for longer than a minute is not waited for: then it is alone but for those.
 * @param running how many handlers run in this process
 */
export function createAlone(clock: Clock, running: () => number): Alone {
  const listeners: (() => void)[] = []
  let waiting: (() => Promise<void>) | undefined
  let patience: Timer | undefined
  let turn = false
  let closedAt = 0
  let openUntil = -Infinity

  function go(): void {
    const run = waiting
    withdraw()
    if (run === undefined) return
    turn = true
    void run().finally(open)
  }

  function withdraw(): void {
    waiting = undefined
    patience?.cancel()
  }

  function open(): void {
    turn = false
    // Whatever else there is has the process for as long again: jobs that run alone stop nothing for good.
    const now = clock.monotonicMs()
    openUntil = now + (now - closedAt)
    for (const listener of listeners) listener()
  }

  return {
    isOpen: () => waiting === undefined && !turn,
    request: (run) => {
      if (waiting !== undefined || turn || clock.monotonicMs() < openUntil) return false
      closedAt = clock.monotonicMs()
      waiting = run
      if (running() === 0) go()
      else patience = clock.after(DRAIN_LIMIT_MS, go)
      return true
    },
    freed: () => {
      if (running() === 0) go()
    },
    withdraw,
    onOpen: (listener) => {
      listeners.push(listener)
    },
  }
}
