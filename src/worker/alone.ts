import type { Clock } from '../ports/clock.ts'
import type { ClaimedJob } from '../ports/store.ts'

/** Lets one job run with nothing beside it. */
export interface Alone {
  /** Whether jobs may begin beside each other now. */
  isOpen(): boolean
  /**
   * Asks that `start` be called once nothing runs, nothing else beginning meanwhile. `false`: not now, one
   * has asked before, or has just had its turn.
   */
  request(start: () => void): boolean
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

/** @param running how many handlers run in this process */
export function createAlone(clock: Clock, running: () => number): Alone {
  const listeners: (() => void)[] = []
  let waiting: (() => void) | undefined
  let turn = false
  let closedAt = 0
  let openUntil = -Infinity

  function go(): void {
    const start = waiting
    waiting = undefined
    if (start === undefined) return
    turn = true
    start()
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
    request: (start) => {
      if (waiting !== undefined || turn || clock.monotonicMs() < openUntil) return false
      closedAt = clock.monotonicMs()
      waiting = start
      if (running() === 0) go()
      return true
    },
    freed: () => {
      if (running() > 0) return
      if (turn) open()
      else go()
    },
    withdraw: () => {
      waiting = undefined
    },
    onOpen: (listener) => {
      listeners.push(listener)
    },
  }
}
