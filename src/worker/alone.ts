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
  /** After how long to ask again, once asked in vain, in milliseconds. */
  againInMs(): number
  /** A worker has become free. */
  freed(): void
  /** Nobody waits any more; for a pool that stops. */
  withdraw(): void
  /** Called when jobs may begin beside each other again. */
  onOpen(listener: () => void): void
}

/**
 * Whether a job runs alone: the last two times it was taken from a process that died (or stood still), or once and
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

/** What else there is in this process. */
export interface Others {
  /** How many handlers run. */
  running(): number
  /** Whether something else has jobs, or may have. */
  wantToWork(): boolean
}

/** The shortest and the longest time after which to ask again, in milliseconds. */
const AGAIN_MS = { shortest: 1_000, longest: 30_000 }

/** For so long the others are kept from beginning while handlers that run are waited for, in milliseconds. */
const DRAIN_LIMIT_MS = 60_000

/**
 * Who runs for longer than a minute is not waited for: then it is alone but for those.
 */
export function createAlone(clock: Clock, others: Others): Alone {
  const running = (): number => others.running()
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
      if (waiting !== undefined || turn) return false
      if (clock.monotonicMs() < openUntil && (running() > 0 || others.wantToWork())) return false
      closedAt = clock.monotonicMs()
      waiting = run
      if (running() === 0) go()
      else patience = clock.after(DRAIN_LIMIT_MS, go)
      return true
    },
    againInMs: () => {
      const now = clock.monotonicMs()
      // While another one has its turn nobody knows for how long: for as long again, say.
      const left = waiting === undefined && !turn ? openUntil - now : now - closedAt
      return Math.min(AGAIN_MS.longest, Math.max(AGAIN_MS.shortest, left))
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
